import Testing

import Environments

/// Golden numbers of NumPy 2.4.6.
@Suite("NumPy's random numbers and arithmetic")
struct NumPyTests {
  @Test(
    "default_rng(seed).random()",
    arguments: [
      (0, 0.6369616873214543), (1, 0.5118216247002567), (4_294_967_301, 0.7742041803738812),
      (UInt64.max, 0.6800266789616931),
    ])
  func firstDouble(seed: UInt64, expected: Double) {
    var random = NumPyRandom(seed: seed)
    #expect(random.uniform(0, 1) == expected)
  }

  @Test("PCG64's first words")
  func words() {
    var random = NumPyRandom(seed: 12345)
    #expect(
      [random.nextBits(), random.nextBits(), random.nextBits()]
        == [4_193_609_425_186_963_869, 5_843_160_025_838_961_886, 14_708_796_524_633_321_433])
  }

  #if os(Linux) && arch(x86_64)
    @Test("x ** 2 is the C library's pow, which is not always x * x")
    func squares() {
      for (x, square) in NumPyTests.doubles {
        #expect(NumPyArithmetic.square(x) == square)
        #expect(x * x != square)
      }
      for (x, square) in NumPyTests.floats {
        #expect(NumPyArithmetic.square(x) == square)
        #expect(x * x != square)
      }
    }
  #endif

  @Test("the remainder rounds down")
  func remainders() {
    #expect(NumPyArithmetic.flooredRemainder(-1, 4) == 3)
    #expect(NumPyArithmetic.flooredRemainder(9, 4) == 1)
    #expect(NumPyArithmetic.flooredRemainder(-8, 4) == 0)
  }
}

extension NumPyTests {
  /// Values whose square by pow is not the product (glibc).
  static let doubles: [(Double, Double)] = [
    (-2.8239505176090614, 7.974696525904486),
    (-4.298558902971006, 18.4776086423113),
    (4.309727835887987, 18.573754019427753),
  ]
  static let floats: [(Float, Float)] = [
    (8.20511531829834, 67.32392120361328),
    (-2.16650390625, 4.693739414215088),
    (4.6416015625, 21.544466018676758),
  ]
}
