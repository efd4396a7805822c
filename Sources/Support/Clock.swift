import Foundation

/// Time as the program uses it: a clock that never goes back for durations, and UTC text for people and logs.
package enum Clock {
  /// Seconds since an arbitrary moment; never goes back, unmoved by changes of the wall clock.
  /// Async-signal-safe.
  package static func monotonicSeconds() -> Double { seconds(CLOCK_MONOTONIC) }

  /// Seconds that the processor has worked on the calling thread.
  package static func processorSeconds() -> Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

  /// Seconds that processors have worked on all threads of this process.
  package static func processSeconds() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Now as "2026-01-31T23:59:59Z".
  package static func timestamp() -> String { timestamp(Date().timeIntervalSince1970) }

  /// "2026-01-31T23:59:59Z": ISO 8601 in UTC, whole seconds (rounded down), years 0000 to 9999.
  package static func timestamp(_ secondsSince1970: Double) -> String {
    let bounded = secondsSince1970.isNaN ? 0 : min(max(secondsSince1970, -62_167_219_200), 253_402_300_799)
    var seconds = time_t(bounded.rounded(.down))
    var date = tm()
    gmtime_r(&seconds, &date)
    let day = String(format: "%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday)
    return day + String(format: "T%02d:%02d:%02dZ", date.tm_hour, date.tm_min, date.tm_sec)
  }
}
