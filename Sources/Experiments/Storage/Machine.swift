import CKernels
import Foundation
import Support

/// The machine that a run works on, as run.json tells it.
package enum Machine {
  /// Cores that this process may use.
  package static var cores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  /// Bytes: the most that this process has held in memory at once; nil where the system does not tell.
  package static var peakMemory: Int? {
    var usage = rusage()
    #if os(Linux)
      let (who, unit) = (Int32(RUSAGE_SELF.rawValue), 1024)
    #else
      let (who, unit) = (RUSAGE_SELF, 1)
    #endif
    return getrusage(who, &usage) == 0 ? Int(usage.ru_maxrss) * unit : nil
  }

  package static var instructionSet: String { String(cString: ck_isa_name(ck_isa_current())) }

  /// Whether the kernels in use multiply bfloat16 by an instruction of the processor; otherwise they emulate it.
  package static var multipliesBfloat16: Bool { ck_bfloat16_is_native() != 0 }

  /// Why MBRL_ISA cannot be followed; nil where it can or is not set.
  package static var instructionSetFault: String? {
    ck_isa_environment_fault().map { fault in
      let available = (0...2).filter { ck_isa_available(Int32($0)) != 0 }
        .map { String(cString: ck_isa_name(Int32($0))) }
      return "MBRL_ISA=\(String(cString: fault)): this processor runs \(available.joined(separator: ", "))"
    }
  }

  /// "Ubuntu 24.04 LTS, Linux 6.8.0".
  package static var operatingSystem: String {
    var name = utsname()
    guard uname(&name) == 0 else { return ProcessInfo.processInfo.operatingSystemVersionString }
    func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    let system = withUnsafeBytes(of: &name.sysname, text)
    let release = withUnsafeBytes(of: &name.release, text)
    return "\(ProcessInfo.processInfo.operatingSystemVersionString), \(system) \(release)"
  }

  /// The processor's own name, where the system tells it.
  package static var processor: String {
    guard let bytes = try? FileSystem.read("/proc/cpuinfo", limit: 1 << 22) else { return "unknown" }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2, parts[0] == "model name" { return parts[1] }
    }
    return "unknown"
  }

  package static var compiler: String {
    #if compiler(>=6.4)
      "Swift 6.4 or later"
    #elseif compiler(>=6.3)
      "Swift 6.3"
    #elseif compiler(>=6.2)
      "Swift 6.2"
    #elseif compiler(>=6.1)
      "Swift 6.1"
    #else
      "Swift 6.0"
    #endif
  }
}
