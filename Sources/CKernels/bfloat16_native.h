// The instructions for pairs of bfloat16: products, rounding, and the ceiling. Compiled for processors that have them,
// by the AVX512 variant.

#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target(TARGET ",avx512bf16"))), apply_to = function)

INLINE floats native_product(floats sum, words a, words b) {
  return (floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

INLINE words native_pair(floats low, floats high) {
  // All low features come before all high ones; the permutation takes them together.
  const __m512i together = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
      16, 0);
  __m512bh apart = _mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
  return (words)_mm512_permutexvar_epi16(together, (__m512i)apart);
}

#define PAIRED(name) native_##name
#include "paired_layers.h"
#undef PAIRED

int64_t ck_bfloat16_peak_avx512(int64_t rounds, float *sink) {
  enum { CHAINS = 24 };
  floats chain[CHAINS];
  words factor = native_pair(splat(sink[0]), splat(sink[1])), term = native_pair(splat(0.5f), splat(0.25f));
  UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = splat((float)i);
  for (int64_t round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = native_product(chain[i], factor, term);
  }
  floats sum = splat(0);
  UNROLL for (int i = 0; i < CHAINS; i++) sum += chain[i];
  sink[0] = sum[0];
  return rounds * CHAINS * LANES * 2;
}

#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target(TARGET))), apply_to = function)
