// The kernels for processors with AVX2.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define KERNELS ck_kernels_avx2
#define LANES 8
#define TILE_VECTORS 2
#define STRIP_ROWS(vectors) ((vectors) == 2 ? 6 : 12)

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
#include "ensemble.h"
#include "training.h"
#include "peak.h"
// clang-format on

#pragma clang attribute pop

#include "table.h"
#endif
