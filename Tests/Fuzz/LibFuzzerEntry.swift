#if LIBFUZZER
  import Foundation

  /// Which reader this process tries: json, overrides, safetensors or csv.
  private let reader: @Sendable ([UInt8]) -> Void = {
    switch ProcessInfo.processInfo.environment["FUZZ_READER"] {
    case "json": { SupportReaders.json($0) }
    case "overrides": { SupportReaders.overrides($0) }
    case "safetensors": { SupportReaders.safetensors($0) }
    case "csv": { SupportReaders.csv($0) }
    default: fatalError("FUZZ_READER says json, overrides, safetensors or csv")
    }
  }()

  /// What libFuzzer calls, again and again; scripts/fuzz.sh builds and runs it.
  @_cdecl("LLVMFuzzerTestOneInput")
  public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    reader(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
  }
#endif
