// The kernels for processors with AVX512.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)

#define KERNELS ck_kernels_avx512
#define LANES 16
#define TILE_VECTORS 3
#define STRIP_ROWS(vectors) ((vectors) == 3 ? 8 : (vectors) == 2 ? 12 : 16)

// The order matters: each builds on those before.
// clang-format off
#include "vectors.h"
#include "vector_math.h"
#include "activations.h"
#include "elementwise.h"
#include "random.h"
#include "microkernel.h"
#include "product.h"
#include "bfloat16.h"
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,avx512bf16"))), apply_to = function)
#include "bfloat16_native.h"
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#include "ensemble.h"
#include "training.h"
#include "peak.h"
// clang-format on

#pragma clang attribute pop

#include "table.h"
#endif
