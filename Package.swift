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
    .target(name: "Support", dependencies: ["CKernels"]),
    .target(name: "Environments", dependencies: ["Support"]),
    .target(name: "Neural", dependencies: ["CKernels", "Support"]),
    .target(name: "Algorithms", dependencies: ["CKernels", "Environments", "Neural", "Support"]),
    .target(
      name: "Experiments",
      dependencies: ["Algorithms", "CKernels", "Environments", "Neural", "Support"]),
    .executableTarget(
      name: "mbrl", dependencies: ["Algorithms", "CKernels", "Environments", "Experiments", "Support"]),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "TestSupport"]),
    .testTarget(name: "SupportTests", dependencies: ["Support"]),
    .testTarget(name: "NeuralTests", dependencies: ["CKernels", "Neural", "Support", "TestSupport"]),
    .testTarget(name: "EnvironmentsTests", dependencies: ["Environments", "Support"]),
    .testTarget(
      name: "AlgorithmsTests",
      dependencies: [
        "Algorithms", "AllocationCounter", "CKernels", "Environments", "Neural", "Support", "TestSupport",
      ]),
    .testTarget(
      name: "ExperimentsTests",
      dependencies: ["Algorithms", "Environments", "Experiments", "Neural", "Support", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
