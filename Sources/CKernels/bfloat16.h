// Layers of an ensemble in bfloat16: weights and inputs rounded to the upper halves of floats, two features to a word;
// sums, bias and activation in float32. Included once per variant.

/// A layer as tile_layer, whose inputs or outputs may be pairs.
typedef struct {
  int64_t inputs, outputs;
  const float *weights;
  const uint32_t *pairs;  ///< [outputs][⌈inputs/2⌉], in place of `weights`: then x holds pairs, too; NULL: float32
  const float *bias;
  const float *x;  ///< [inputs][vectors·LANES], or [⌈inputs/2⌉][vectors·LANES] words
  float *y;        ///< [outputs][vectors·LANES], or, where `gives_pairs`, [⌈outputs/2⌉][vectors·LANES] words
  activation_loop activation;
  int32_t gives_pairs;
} paired_layer;

typedef void (*paired_layer_kernel)(const paired_layer *layer);

/// The smallest normal float: what is below counts as zero.
#define SMALLEST_NORMAL 0x1p-126f

/// x, rounded to the nearest bfloat16, in the upper halves; the lower ones hold anything.
INLINE words upper_halves(floats x) {
  words bits = (words)x, magnitude = bits & 0x7fffffffu;
  words rounded = bits + 0x7fffu + (bits >> 16 & 1);
  rounded = magnitude > 0x7f800000u ? bits | 0x400000u : rounded;
  return magnitude < 0x00800000u ? bits & 0x80000000u : rounded;
}

INLINE words emulated_pair(floats low, floats high) {
  return (upper_halves(high) & 0xffff0000u) | upper_halves(low) >> 16;
}

/// sum + a·b, as the instruction does it: a result that 24 bits of any exponent would hold below the normal numbers
/// becomes zero. None of the arguments is subnormal.
INLINE floats flushed_fmadd(floats a, floats b, floats sum) {
  floats result = fmadd(a, b, sum);
  ints small = ((words)result & 0x7fffffffu) - 1u < 0x00800000u;
  if (__builtin_expect(__builtin_reduce_or(small) != 0, 0)) {
    // Far from the end of the exponents the result is rounded where the instruction rounds it. Where a·2⁶⁴ has no room,
    // no sum of the product with anything comes near that end.
    floats scaled = fmadd(a * splat(0x1p64f), b, sum * splat(0x1p64f));
    small = small & (absolute(scaled) < splat(SMALLEST_NORMAL * 0x1p64f));
    result = small ? (floats)sign_bit(result) : result;
  }
  return result;
}

INLINE floats emulated_product(floats sum, words a, words b) {
  sum = flushed_fmadd((floats)(a & 0xffff0000u), (floats)(b & 0xffff0000u), sum);
  return flushed_fmadd((floats)(a << 16), (floats)(b << 16), sum);
}

/// SiLU of what is rounded to bfloat16 next: e⁻ˣ by a minimax polynomial of degree 3, whose relative error of 1e-4 is a
/// twentieth of what that rounding may do.
INLINE floats short_silu(floats x) {
  floats numerator = at_least(x, -87), limited = at_most(numerator, 87);
  floats shift = splat(ROUNDING_SHIFT + 127), shifted = fmadd(limited, splat(-LOG2_E_HIGH), shift);
  floats f = fmadd(limited, splat(-LOG2_E_HIGH), shift - shifted), scale = (floats)((words)shifted << 23);
  floats p = splat(0x1.c2a054p-5f);
  p = fmadd(p, f, splat(0x1.f00e62p-3f));
  p = fmadd(p, f, splat(0x1.62f60cp-1f));
  p = fmadd(p, f, splat(1));
  return numerator / fmadd(p, scale, splat(1));
}

#define PAIRED(name) emulated_##name
#include "paired_layers.h"
#undef PAIRED
