// The kernels for processors with AVX512.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define KERNELS ck_kernels_avx512
#define LANES 16
#define TILE_VECTORS 3
#define STRIP_ROWS(vectors) ((vectors) == 3 ? 8 : (vectors) == 2 ? 12 : 16)
#define TARGET "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target(TARGET))), apply_to = function)
#include "variant.h"
#pragma clang attribute pop
#endif
