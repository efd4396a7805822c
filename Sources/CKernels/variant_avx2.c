// The kernels for processors with AVX2.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define KERNELS ck_kernels_avx2
#define LANES 8
#define TILE_VECTORS 2
#define STRIP_ROWS(vectors) ((vectors) == 2 ? 6 : 12)

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "variant.h"
#pragma clang attribute pop
#endif
