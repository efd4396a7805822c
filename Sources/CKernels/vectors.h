// Vector types of one instruction-set variant and how to move them. Included once per variant, which defines
// LANES: floats per vector (16, 8 or 4).
//
// Every function that takes a number of valid lanes touches no memory beyond them.
#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define UNROLL _Pragma("clang loop unroll(full)")
/// A loop over the vectors [i][j] of a block, by the `rows` and `vectors` in scope.
#define FOR_EACH_VECTOR(i, j) \
  UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vectors; j++)

typedef float floats __attribute__((ext_vector_type(LANES)));
typedef int32_t ints __attribute__((ext_vector_type(LANES)));
typedef uint32_t words __attribute__((ext_vector_type(LANES)));
typedef uint64_t wide_words __attribute__((ext_vector_type(LANES)));
typedef float floats_in_memory __attribute__((ext_vector_type(LANES), aligned(4), may_alias));

INLINE floats load(const float *p) { return *(const floats_in_memory *)p; }
INLINE void store(float *p, floats v) { *(floats_in_memory *)p = v; }
INLINE floats fmadd(floats a, floats b, floats c) { return __builtin_elementwise_fma(a, b, c); }
INLINE floats splat(float x) { return (floats)x; }

/// The first `count` (1...LANES) floats, zeros behind them.
INLINE floats load_first(const float *p, int64_t count) {
#if LANES == 16
  return (floats)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#elif LANES == 8
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (floats)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane));
#else
  floats v = splat(0);
  for (int64_t i = 0; i < LANES; i++)
    if (i < count) v[i] = p[i];
  return v;
#endif
}

INLINE void store_first(float *p, floats v, int64_t count) {
#if LANES == 16
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
#elif LANES == 8
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane), (__m256)v);
#else
  for (int64_t i = 0; i < LANES; i++)
    if (i < count) p[i] = v[i];
#endif
}

/// max(x, limit) that keeps a NaN.
INLINE floats at_least(floats x, float limit) { return splat(limit) > x ? splat(limit) : x; }
/// min(x, limit) that keeps a NaN.
INLINE floats at_most(floats x, float limit) { return splat(limit) < x ? splat(limit) : x; }
INLINE floats absolute(floats x) { return (floats)((words)x & 0x7fffffffu); }
INLINE words sign_bit(floats x) { return (words)x & 0x80000000u; }

/// {0, 1, 2, …}
INLINE words lane_numbers(void) {
  words lane;
  UNROLL for (int i = 0; i < LANES; i++) lane[i] = (uint32_t)i;
  return lane;
}

// INTERLEAVE: the elements of the low or high halves of two vectors in turn. JOIN_HALVES: the low halves, one behind
// the other. BLEND_HALVES: the low half of one and the high half of the other. HIGH_HALF: it in both places.
#if LANES == 16
#define INTERLEAVE_LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define INTERLEAVE_HIGH(a, b) \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define JOIN_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define BLEND_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31)
#define HIGH_HALF(a) __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)
#elif LANES == 8
#define INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define JOIN_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define BLEND_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 12, 13, 14, 15)
#define HIGH_HALF(a) __builtin_shufflevector(a, a, 4, 5, 6, 7, 4, 5, 6, 7)
#else
#define INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define JOIN_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define BLEND_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 6, 7)
#define HIGH_HALF(a) __builtin_shufflevector(a, a, 2, 3, 2, 3)
#endif

/// Transposes the square of LANES vectors: log₂ LANES rounds of the perfect shuffle.
INLINE void transpose_square(floats v[LANES]) {
  floats w[LANES];
  UNROLL for (int round = 1; round < LANES; round *= 2) {
    UNROLL for (int i = 0; i < LANES / 2; i++) {
      w[2 * i] = INTERLEAVE_LOW(v[i], v[i + LANES / 2]);
      w[2 * i + 1] = INTERLEAVE_HIGH(v[i], v[i + LANES / 2]);
    }
    UNROLL for (int i = 0; i < LANES; i++) v[i] = w[i];
  }
}

/// to[c·to_stride + r] = from[r·from_stride + c]; the columns of `to` from `rows` up to `padded_rows` become 0.
NOINLINE void transpose(
    int64_t rows, int64_t columns, const float *from, int64_t from_stride, float *to, int64_t to_stride,
    int64_t padded_rows) {
  for (int64_t r = 0; r < padded_rows; r += LANES) {
    int64_t valid_rows = rows - r, lanes = padded_rows - r < LANES ? padded_rows - r : LANES;
    for (int64_t c = 0; c < columns; c += LANES) {
      int64_t valid_columns = columns - c;
      const float *source = from + r * from_stride + c;
      float *target = to + c * to_stride + r;
      floats v[LANES];
      if (valid_rows >= LANES && valid_columns >= LANES) {
        UNROLL for (int i = 0; i < LANES; i++) v[i] = load(source + i * from_stride);
      } else {
        int64_t count = valid_columns < LANES ? valid_columns : LANES;
        UNROLL for (int i = 0; i < LANES; i++)
          v[i] = i < valid_rows ? load_first(source + i * from_stride, count) : splat(0);
      }
      transpose_square(v);
      if (lanes == LANES && valid_columns >= LANES) {
        UNROLL for (int i = 0; i < LANES; i++) store(target + i * to_stride, v[i]);
      } else {
        UNROLL for (int i = 0; i < LANES; i++)
          if (i < valid_columns) store_first(target + i * to_stride, v[i], lanes);
      }
    }
  }
}
