// The public functions that pass straight on to the variant in use.
#include "kernels.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

const kernel_table *ck_kernels(void) {
#if defined(__x86_64__)
  static const kernel_table *const tables[] = {&ck_kernels_portable, &ck_kernels_avx2, &ck_kernels_avx512};
  return tables[ck_isa_current()];
#else
  return &ck_kernels_portable;
#endif
}

void ck_activation(int32_t activation, int64_t count, const float *x, float *y) {
  ck_kernels()->activation(activation, count, x, y);
}

void ck_activation_gradient(
    int32_t activation, int64_t count, const float *x, const float *dy, float *dx, int32_t accumulate) {
  ck_kernels()->activation_gradient(activation, count, x, dy, dx, accumulate);
}

void ck_unary(int32_t function, int64_t count, const float *x, float *y) { ck_kernels()->unary(function, count, x, y); }

/// base to an integer power by squaring: the same on every platform, which a C library's pow need not be.
static double integer_power(double base, int64_t exponent) {
  double power = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) power *= base;
  return power;
}

adam_factors ck_adam_factors(const ck_adam *adam) {
  double beta1 = adam->beta1, beta2 = adam->beta2, rate = adam->learning_rate;
  return (adam_factors){
      .gradient_scale = adam->gradient_scale, .coupled_decay = adam->coupled_decay,
      .keep = (float)(1 - rate * adam->decoupled_decay),
      .beta1 = adam->beta1, .one_minus_beta1 = (float)(1 - beta1),
      .beta2 = adam->beta2, .one_minus_beta2 = (float)(1 - beta2),
      .rate = (float)(rate / (1 - integer_power(beta1, adam->step))),
      .square_root_factor = (float)(1 / sqrt(1 - integer_power(beta2, adam->step))),
      .epsilon = adam->epsilon,
  };
}

void ck_adam_step(const ck_adam *adam, int64_t count, float *p, const float *g, float *m, float *v) {
  adam_factors factors = ck_adam_factors(adam);
  ck_kernels()->adam_step(&factors, count, p, g, m, v);
}

void ck_laprop_step(const ck_laprop *laprop, int64_t count, float *p, const float *g, float *m, float *v) {
  double beta1 = laprop->beta1, beta2 = laprop->beta2;
  laprop_factors factors = {
      .gradient_scale = laprop->gradient_scale, .beta1 = laprop->beta1, .one_minus_beta1 = (float)(1 - beta1),
      .beta2 = laprop->beta2, .one_minus_beta2 = (float)(1 - beta2),
      .rate = (float)(laprop->learning_rate / (1 - integer_power(beta1, laprop->step))),
      .square_factor = (float)(1 / (1 - integer_power(beta2, laprop->step))), .epsilon = laprop->epsilon,
  };
  ck_kernels()->laprop_step(&factors, count, p, g, m, v);
}

double ck_sum(int64_t count, const float *x) { return ck_kernels()->sum(count, x); }
double ck_sum_of_squares(int64_t count, const float *x) { return ck_kernels()->sum_of_squares(count, x); }
int64_t ck_first_nonfinite(int64_t count, const float *x) { return ck_kernels()->first_nonfinite(count, x); }

void ck_polyak(int64_t count, float rate, const float *source, float *target) {
  ck_kernels()->polyak(count, rate, source, target);
}

void ck_normalize_rows(
    int64_t rows, int64_t columns, float epsilon, const float *x, float *y, float *inverse) {
  ck_kernels()->normalize_rows(rows, columns, epsilon, x, y, inverse);
}

void ck_normalize_rows_gradient(
    int64_t rows, int64_t columns, const float *y, const float *inverse, const float *dy, float *dx,
    int32_t accumulate) {
  ck_kernels()->normalize_rows_gradient(rows, columns, y, inverse, dy, dx, accumulate);
}

void ck_fill_normal(uint64_t key, uint64_t stream, int64_t count, float *out) {
  ck_kernels()->fill_normal(key, stream, count, out);
}

void ck_fill_uniform(uint64_t key, uint64_t stream, int64_t count, float low, float high, float *out) {
  ck_kernels()->fill_uniform(key, stream, count, low, high, out);
}

void ck_fill_truncated_normal(uint64_t key, uint64_t stream, int64_t count, float bound, float *out) {
  ck_kernels()->fill_truncated_normal(key, stream, count, bound, out);
}

int64_t ck_peak(int64_t rounds, float sink[2]) { return ck_kernels()->peak(rounds, sink); }

int64_t ck_bfloat16_peak(int64_t rounds, float sink[2]) {
#if defined(__x86_64__)
  if (ck_bfloat16_is_native()) return ck_bfloat16_peak_avx512(rounds, sink);
#endif
  (void)rounds, (void)sink;
  return 0;
}

/// The upper half of x, rounded to the nearest, subnormal numbers to zero, a NaN to a quiet one.
static uint32_t bfloat16_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return bits >> 16 | 0x40u;
  if (magnitude < 0x00800000u) return bits >> 16 & 0x8000u;
  return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}

void ck_bfloat16_pairs(int64_t rows, int64_t columns, const float *from, uint32_t *pairs) {
  for (int64_t r = 0; r < rows; r++, from += columns)
    for (int64_t c = 0; c < columns; c += 2)
      *pairs++ = bfloat16_of(from[c]) | (c + 1 < columns ? bfloat16_of(from[c + 1]) : 0) << 16;
}

int64_t ck_ensemble_workspace(const ck_ensemble *ensemble) {
  // Two buffers of activations and the observations of a tile; 16 floats to align them.
  int64_t widest = widest_layer(ensemble->layers, ensemble->widths);
  return (2 * widest + ensemble->observation_size) * CK_TILE_ROWS + 16;
}

void ck_ensemble_step(
    const ck_ensemble *ensemble, int32_t member, int64_t count, int64_t first_row, const int32_t *index,
    uint32_t first_identity, const ck_rows *rows, const ck_noise *noise, float *workspace) {
  ck_kernels()->ensemble_step(
      ensemble, member, count, first_row, index, first_identity, rows, noise, workspace);
}
