import Foundation
import Support
import Testing

/// Sends a signal to this process, as another would, and waits until it is noted: delivery is another thread's.
private func send(_ number: Int32) {
  kill(getpid(), number)
  for _ in 0..<5000 where !Signals.isStopRequested { usleep(1000) }
}

/// Sends a second signal, late enough to be one of its own, and gives the process time to end.
private func sendLast(_ number: Int32) {
  usleep(400_000)
  kill(getpid(), number)
  sleep(10)
}

struct SignalsTests {
  @Test func theFirstSignalIsOnlyNoted() async {
    await #expect(processExitsWith: .exitCode(75)) {
      Signals.install()
      if Signals.isStopRequested || Signals.name != nil { exit(1) }
      kill(getpid(), SIGPIPE)
      send(SIGUSR1)
      exit(Signals.isStopRequested && Signals.name == "SIGUSR1" ? 75 : 1)
    }
  }

  /// A closed terminal, the end of processor time, and whatever a batch system sends ask for the same.
  @Test func everyRequestIsHeard() async {
    #expect(Signals.requests.map(\.number) == [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU])
    await #expect(processExitsWith: .exitCode(75)) {
      for (number, _) in Signals.requests { signal(number, SIG_DFL) }
      Signals.install()
      for (number, name) in Signals.requests {
        Signals.reset()
        send(number)
        guard Signals.name == name else { exit(1) }
      }
      exit(75)
    }
  }

  /// `nohup` ignores SIGHUP, a script's background job SIGINT.
  @Test func whatIsIgnoredStaysIgnored() async {
    await #expect(processExitsWith: .exitCode(75)) {
      for (number, _) in Signals.requests { signal(number, SIG_IGN) }
      Signals.install()
      for (number, _) in Signals.requests { kill(getpid(), number) }
      usleep(200_000)
      exit(Signals.isStopRequested ? 1 : 75)
    }
  }

  /// `timeout` signals the process and then its group.
  @Test func oneRequestMayArriveTwice() async {
    await #expect(processExitsWith: .exitCode(75)) {
      Signals.install()
      send(SIGTERM)
      kill(getpid(), SIGTERM)
      usleep(200_000)
      exit(75)
    }
  }

  @Test func theSecondEndsTheProcess() async {
    await #expect(processExitsWith: .exitCode(130)) {
      Signals.install()
      send(SIGTERM)
      sendLast(SIGINT)
    }
    await #expect(processExitsWith: .exitCode(143)) {
      Signals.install()
      send(SIGINT)
      sendLast(SIGTERM)
    }
    await #expect(processExitsWith: .exitCode(138)) {
      Signals.install()
      send(SIGUSR1)
      sendLast(SIGUSR1)
    }
  }
}
