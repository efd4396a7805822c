// The public functions of world models with categorical latents, which pass on to the variant in use.
#include "kernels.h"

void ck_norm_silu(
    int64_t rows, int64_t columns, float epsilon, const float *x, const float *scale, float *inverse, float *y) {
  ck_kernels()->norm_silu(rows, columns, epsilon, x, scale, inverse, y);
}

void ck_norm_silu_gradient(
    int64_t rows, int64_t columns, const float *x, const float *scale, const float *inverse, const float *dy,
    float *dx, int32_t accumulate, float *dscale) {
  ck_kernels()->norm_silu_gradient(rows, columns, x, scale, inverse, dy, dx, accumulate, dscale);
}

void ck_block_gru(int64_t rows, int64_t blocks, int64_t size, const float *gates, const float *h, float *next) {
  ck_kernels()->block_gru(rows, blocks, size, gates, h, next);
}

void ck_block_gru_gradient(
    int64_t rows, int64_t blocks, int64_t size, const float *gates, const float *h, const float *dnext, float *dgates,
    int32_t accumulate_gates, float *dh, int32_t accumulate_h) {
  ck_kernels()->block_gru_gradient(rows, blocks, size, gates, h, dnext, dgates, accumulate_gates, dh, accumulate_h);
}

void ck_one_hot_sample(
    int64_t groups, int64_t classes, float unimix, const float *logits, const float *draws, float *probabilities,
    float *sample) {
  ck_kernels()->one_hot_sample(groups, classes, unimix, logits, draws, probabilities, sample);
}

void ck_softmax_gradient(
    int64_t groups, int64_t classes, float factor, const float *p, const float *dy, float *dx, int32_t accumulate) {
  ck_kernels()->softmax_gradient(groups, classes, factor, p, dy, dx, accumulate);
}

void ck_latent_kl(
    int64_t rows, int64_t groups, int64_t classes, float unimix, const float *left, const float *right, float *kl,
    float *left_entropy, float *right_entropy, float *dleft, float *dright) {
  ck_kernels()->latent_kl(
      rows, groups, classes, unimix, left, right, kl, left_entropy, right_entropy, dleft, dright);
}

void ck_two_hot_mean(int64_t rows, int64_t bins, const float *values, const float *logits, float *mean) {
  ck_kernels()->two_hot_mean(rows, bins, values, logits, mean);
}

void ck_two_hot_loss(
    int64_t rows, int64_t bins, const float *values, const float *logits, int64_t targets, const float *target,
    float *loss, float *normalizer) {
  ck_kernels()->two_hot_loss(rows, bins, values, logits, targets, target, loss, normalizer);
}

void ck_two_hot_loss_gradient(
    int64_t rows, int64_t bins, const float *values, const float *logits, int64_t targets, const float *target,
    const float *normalizer, const float *dloss, float *dlogits, int32_t accumulate) {
  ck_kernels()->two_hot_loss_gradient(
      rows, bins, values, logits, targets, target, normalizer, dloss, dlogits, accumulate);
}
