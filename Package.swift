// swift-tools-version: 6.0
import PackageDescription

// Rooms of the house; every arrow points down only (see README, "How the code is laid out").
let package = Package(
  name: "mbrl",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "mbrl", targets: ["mbrl"])
  ],
  targets: [
    .target(name: "CKernels"),
    .target(name: "CMuJoCo", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "Support", dependencies: ["CKernels"]),
    .target(name: "Environments", dependencies: ["CMuJoCo", "Support"]),
    .target(name: "Neural", dependencies: ["CKernels", "Support"]),
    .target(name: "Algorithms", dependencies: ["CKernels", "Environments", "Neural", "Support"]),
    .target(name: "Experiments", dependencies: ["Algorithms", "CKernels", "Environments", "Support"]),
    .target(name: "Reports", dependencies: ["Algorithms", "Environments", "Experiments", "Support"]),
    .target(
      name: "Benchmarks",
      dependencies: ["Algorithms", "CKernels", "Environments", "Experiments", "Neural", "Support"]),
    .executableTarget(name: "mbrl", dependencies: ["Benchmarks", "Experiments", "Reports", "Support"]),

    .target(name: "TestSupport", dependencies: ["Environments", "Neural", "Support"], path: "Tests/TestSupport"),
    .target(name: "CKernelsReference", dependencies: ["CKernels"], path: "Tests/CKernelsReference"),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "CKernelsReference", "TestSupport"]),
    .testTarget(name: "SupportTests", dependencies: ["Support", "TestSupport"]),
    .testTarget(name: "NeuralTests", dependencies: ["CKernels", "Neural", "Support", "TestSupport"]),
    .testTarget(name: "EnvironmentsTests", dependencies: ["Environments", "Support", "TestSupport"]),
    .testTarget(
      name: "AlgorithmsTests",
      dependencies: [
        "Algorithms", "AllocationCounter", "CKernels", "Environments", "Neural", "Support", "TestSupport",
      ]),
    .testTarget(
      name: "ExperimentsTests",
      dependencies: ["Algorithms", "Environments", "Experiments", "Neural", "Reports", "Support", "TestSupport"]),
    .testTarget(
      name: "ReportsTests",
      dependencies: ["Algorithms", "Environments", "Experiments", "Reports", "Support", "TestSupport"]),
    .testTarget(name: "BenchmarksTests", dependencies: ["Benchmarks", "Experiments", "Support", "TestSupport"]),
    .testTarget(name: "CommandLineTests", dependencies: ["Experiments", "Reports", "Support", "TestSupport", "mbrl"]),
  ],
  swiftLanguageModes: [.v6]
)
