// First, unoptimised form of the kernels on top of the reference twins; the tiled variants replace it.
#include "ckernels.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

void ck_activation(int32_t activation, int64_t count, const float *x, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = (float)ck_reference_activation(activation, x[i]);
}

void ck_activation_gradient(
    int32_t activation, int64_t count, const float *x, const float *dy, float *dx, int32_t accumulate) {
  for (int64_t i = 0; i < count; i++) {
    float gradient = dy[i] * (float)ck_reference_activation_derivative(activation, x[i]);
    dx[i] = accumulate ? dx[i] + gradient : gradient;
  }
}

void ck_unary(int32_t function, int64_t count, const float *x, float *y) {
  for (int64_t i = 0; i < count; i++) {
    double value = x[i];
    switch (function) {
      case CK_EXP: value = exp(value); break;
      case CK_LOG: value = log(value); break;
      case CK_SIN: value = sin(value); break;
      case CK_COS: value = cos(value); break;
      case CK_SQRT: value = sqrt(value); break;
      case CK_LOG1P: value = log1p(value); break;
    }
    y[i] = (float)value;
  }
}

void ck_linear(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *x, int64_t x_stride,
    const float *w, int64_t w_stride, const float *bias, int64_t bias_stride, int32_t activation, float *z, float *y) {
  ck_reference_linear(batch, rows, inputs, outputs, x, x_stride, w, w_stride, bias, bias_stride, activation, z, y);
}

void ck_linear_input_gradient(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *w,
    int64_t w_stride, float *dx, int64_t dx_stride, int32_t accumulate) {
  ck_reference_linear_input_gradient(batch, rows, inputs, outputs, dz, w, w_stride, dx, dx_stride, accumulate);
}

void ck_linear_weight_gradient(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *x,
    int64_t x_stride, float *dw, int64_t dw_stride, float *dbias, int64_t dbias_stride, int32_t accumulate) {
  ck_reference_linear_weight_gradient(
      batch, rows, inputs, outputs, dz, x, x_stride, dw, dw_stride, dbias, dbias_stride, accumulate);
}

void ck_adam_step(const ck_adam *adam, int64_t count, float *p, const float *g, float *m, float *v) {
  ck_reference_adam_step(adam, count, p, g, m, v);
}

double ck_sum(int64_t count, const float *x) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += x[i];
  return sum;
}

double ck_sum_of_squares(int64_t count, const float *x) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)x[i] * x[i];
  return sum;
}

int64_t ck_first_nonfinite(int64_t count, const float *x) {
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(x[i])) return i;
  return -1;
}

void ck_polyak(int64_t count, float rate, const float *source, float *target) {
  for (int64_t i = 0; i < count; i++) target[i] = fmaf(rate, source[i], (1 - rate) * target[i]);
}

static void words_of(uint64_t key, uint64_t block, uint64_t stream, uint32_t attempt, uint32_t words[4]) {
  uint32_t counter[4] = {
      (uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream, (uint32_t)(stream >> 32) ^ attempt << 16};
  uint32_t keys[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
  ck_philox(counter, keys, words);
}

static float normal_of(const uint32_t words[4], int lane) {
  int pair = lane / 2 * 2;
  double u1 = (float)((words[pair] >> 8) * 0x1p-24 + 0x1p-25), u2 = (words[pair + 1] >> 8) * 0x1p-24;
  double angle = 6.28318530717958647692 * u2;
  return (float)(sqrt(-2 * log(u1)) * (lane % 2 ? sin(angle) : cos(angle)));
}

void ck_fill_normal(uint64_t key, uint64_t stream, int64_t count, float *out) {
  uint32_t words[4];
  for (int64_t i = 0; i < count; i++) {
    if (i % 4 == 0) words_of(key, (uint64_t)i / 4, stream, 0, words);
    out[i] = normal_of(words, i % 4);
  }
}

void ck_fill_uniform(uint64_t key, uint64_t stream, int64_t count, float low, float high, float *out) {
  uint32_t words[4];
  for (int64_t i = 0; i < count; i++) {
    if (i % 4 == 0) words_of(key, (uint64_t)i / 4, stream, 0, words);
    out[i] = fmaf(high - low, (float)(words[i % 4] >> 8) * 0x1p-24f, low);
  }
}

void ck_fill_truncated_normal(uint64_t key, uint64_t stream, int64_t count, float bound, float *out) {
  for (int64_t i = 0; i < count; i++) {
    float draw = 0;
    uint32_t words[4], attempt = 0;
    int lane = 0;
    do {
      if (lane == 0) words_of(key, (uint64_t)i, stream, attempt, words);
      draw = normal_of(words, lane);
      if (++lane == 4) lane = 0, attempt++;
    } while (fabsf(draw) > bound && attempt < 64);
    out[i] = draw > bound ? bound : draw < -bound ? -bound : draw;
  }
}

int64_t ck_ensemble_workspace(const ck_ensemble *ensemble) { return 1; }

void ck_ensemble_step(
    const ck_ensemble *ensemble, int32_t member, int64_t count, int64_t first_row, const int32_t *index,
    uint32_t first_identity, const ck_rows *rows, const ck_noise *noise, float *workspace) {
  ck_reference_ensemble_step(ensemble, member, count, first_row, index, first_identity, rows, noise);
}
