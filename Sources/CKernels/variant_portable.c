// The kernels in plain vectors of four lanes: for processors without a variant of their own, arm64 among them. Where
// the processor has no fused multiply-add the compiler calls the C library's, which is slow but gives the same bytes.
#include "kernels.h"

#define KERNELS ck_kernels_portable
#define LANES 4
#define TILE_VECTORS 4
#define STRIP_ROWS(vectors) ((vectors) == 4 ? 4 : (vectors) == 3 ? 6 : 8)

#pragma STDC FP_CONTRACT OFF
#include "variant.h"
