// The public functions of convolutions, which pass on to the variant in use.
#include "kernels.h"

void ck_convolve(const ck_convolution *layer, const float *x, const float *w, const float *bias, float *y) {
  ck_kernels()->convolve(layer, x, w, bias, y);
}

void ck_convolve_weight_gradient(
    const ck_convolution *layer, const float *x, const float *dy, float *sums, float *bias_sums) {
  ck_kernels()->convolve_weight_gradient(layer, x, dy, sums, bias_sums);
}

void ck_fold_frames(int64_t count, const float *sums, float *out) { ck_kernels()->fold_frames(count, sums, out); }

void ck_max_pool(int64_t height, int64_t width, int64_t channels, const float *x, float *y, float *place) {
  ck_kernels()->max_pool(height, width, channels, x, y, place);
}

void ck_max_pool_gradient(
    int64_t height, int64_t width, int64_t channels, const float *dy, const float *place, float *dx) {
  ck_kernels()->max_pool_gradient(height, width, channels, dy, place, dx);
}

void ck_upsample(int64_t height, int64_t width, int64_t channels, const float *x, float *y) {
  ck_kernels()->upsample(height, width, channels, x, y);
}

void ck_upsample_gradient(int64_t height, int64_t width, int64_t channels, const float *dy, float *dx) {
  ck_kernels()->upsample_gradient(height, width, channels, dy, dx);
}

void ck_channel_norm_silu(
    int64_t pixels, int64_t channels, float epsilon, const float *x, const float *scale, float *inverse, float *y) {
  ck_kernels()->channel_norm_silu(pixels, channels, epsilon, x, scale, inverse, y);
}

void ck_channel_norm_silu_gradient(
    int64_t pixels, int64_t channels, const float *x, const float *scale, const float *inverse, const float *dy,
    float *dx, float *scale_sums) {
  ck_kernels()->channel_norm_silu_gradient(pixels, channels, x, scale, inverse, dy, dx, scale_sums);
}
