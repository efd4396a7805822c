// Reference twins: the plainest correct form of each kernel, in scalar C. The tests hold the fast variants against
// them, so nothing here is shared with the fast code: libm instead of the vector maths, loops instead of tiles.
#include "ckernels_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// MARK: - Activations in double precision

static double sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static double normal_cumulative(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }
static double normal_density(double x) { return 0.39894228040143267794 * exp(-0.5 * x * x); }
/// Argument of the hyperbolic tangent in the tanh form of GELU.
static double gelu_inner(double x) { return 0.79788456080286535588 * (x + 0.044715 * x * x * x); }

double ck_reference_activation(int32_t activation, double x) {
  if (isnan(x)) return x;
  switch (activation) {
    case CK_RELU: return x > 0 ? x : 0;
    case CK_TANH: return tanh(x);
    case CK_SIGMOID: return sigmoid(x);
    case CK_SILU: return x * sigmoid(x);
    case CK_ELU: return x > 0 ? x : expm1(x);
    case CK_GELU_TANH: return x * sigmoid(2 * gelu_inner(x));
    case CK_GELU_ERF: return x * normal_cumulative(x);
    case CK_MISH: return x * tanh(softplus(x));
    case CK_SOFTPLUS: return softplus(x);
    default: return x;
  }
}

double ck_reference_activation_derivative(int32_t activation, double x) {
  if (isnan(x)) return x;
  switch (activation) {
    case CK_RELU: return x > 0 ? 1 : 0;
    case CK_TANH: {
      double c = cosh(fabs(x) < 300 ? x : 300);
      return 1 / (c * c);
    }
    case CK_SIGMOID: return sigmoid(x) * sigmoid(-x);
    case CK_SILU: return sigmoid(x) * (1 + x * sigmoid(-x));
    case CK_ELU: return x > 0 ? 1 : exp(x);
    case CK_GELU_TANH: {
      double inner = 2 * gelu_inner(x), slope = 2 * 0.79788456080286535588 * (1 + 3 * 0.044715 * x * x);
      return sigmoid(inner) + x * slope * sigmoid(inner) * sigmoid(-inner);
    }
    case CK_GELU_ERF: return normal_cumulative(x) + x * normal_density(x);
    case CK_MISH: {
      double t = tanh(softplus(x));
      return t + x * sigmoid(x) * (1 - t * t);
    }
    case CK_SOFTPLUS: return sigmoid(x);
    default: return 1;
  }
}

// MARK: - Matrix products

void ck_reference_linear(
    int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *x, int64_t x_stride, const float *w,
    int64_t w_stride, const float *bias, int64_t bias_stride, int32_t activation, float *z, float *y) {
  for (int64_t b = 0; b < batch; b++)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t o = 0; o < outputs; o++) {
        const float *input = x + b * x_stride + r * inputs, *weight = w + b * w_stride + o * inputs;
        float sum = bias ? bias[b * bias_stride + o] : 0;
        for (int64_t i = 0; i < inputs; i++) sum = fmaf(input[i], weight[i], sum);
        int64_t at = (b * rows + r) * outputs + o;
        if (z) z[at] = sum;
        y[at] = activation == CK_IDENTITY ? sum : (float)ck_reference_activation(activation, sum);
      }
}

void ck_reference_linear_input_gradient(
    int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *w, int64_t w_stride,
    float *dx, int64_t dx_stride, int32_t accumulate) {
  for (int64_t b = 0; b < batch; b++)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t i = 0; i < inputs; i++) {
        float *out = dx + b * dx_stride + r * inputs + i;
        float sum = accumulate || (b > 0 && dx_stride == 0) ? *out : 0;
        for (int64_t o = 0; o < outputs; o++)
          sum = fmaf(dz[(b * rows + r) * outputs + o], w[b * w_stride + o * inputs + i], sum);
        *out = sum;
      }
}

void ck_reference_linear_weight_gradient(
    int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *x, int64_t x_stride,
    float *dw, int64_t dw_stride, float *dbias, int64_t dbias_stride, int32_t accumulate) {
  for (int64_t b = 0; b < batch; b++)
    for (int64_t o = 0; o < outputs; o++) {
      const float *column = dz + b * rows * outputs + o;
      for (int64_t i = 0; i < inputs; i++) {
        float *out = dw + b * dw_stride + o * inputs + i;
        float sum = accumulate || (b > 0 && dw_stride == 0) ? *out : 0;
        for (int64_t r = 0; r < rows; r++) sum = fmaf(column[r * outputs], x[b * x_stride + r * inputs + i], sum);
        *out = sum;
      }
      if (!dbias) continue;
      float *out = dbias + b * dbias_stride + o;
      float sum = accumulate || (b > 0 && dbias_stride == 0) ? *out : 0;
      for (int64_t r = 0; r < rows; r++) sum += column[r * outputs];
      *out = sum;
    }
}

// MARK: - Optimiser

void ck_reference_adam_step(const ck_adam *adam, int64_t count, float *p, const float *g, float *m, float *v) {
  double beta1 = adam->beta1, beta2 = adam->beta2, rate = adam->learning_rate;
  double correction1 = 1 - pow(beta1, (double)adam->step), correction2 = 1 - pow(beta2, (double)adam->step);
  for (int64_t i = 0; i < count; i++) {
    double parameter = p[i];
    double gradient = (double)g[i] * adam->gradient_scale + adam->coupled_decay * parameter;
    double mean = beta1 * m[i] + (1 - beta1) * gradient;
    double square = beta2 * v[i] + (1 - beta2) * gradient * gradient;
    parameter *= 1 - rate * adam->decoupled_decay;
    p[i] = (float)(parameter - rate * (mean / correction1) / (sqrt(square / correction2) + adam->epsilon));
    m[i] = (float)mean;
    v[i] = (float)square;
  }
}

// MARK: - Ensemble step

/// Normal `lane` of the Philox block at `counter`, computed in double precision.
static double reference_normal(uint64_t key, const uint32_t counter[4], int lane) {
  uint32_t keys[2] = {(uint32_t)key, (uint32_t)(key >> 32)}, words[4];
  ck_philox(counter, keys, words);
  int pair = lane / 2 * 2;
  double u1 = (double)(float)((words[pair] >> 8) * 0x1p-24 + 0x1p-25), u2 = (words[pair + 1] >> 8) * 0x1p-24;
  double radius = sqrt(-2 * log(u1)), angle = 6.28318530717958647692 * u2;
  return radius * (lane % 2 == 0 ? cos(angle) : sin(angle));
}

/// a·b + sum, rounded once, with subnormal numbers as zero: so VDPBF16PS forms each of its two sums. The product of
/// two bfloat16 is exact in double precision, and so is its sum with a float where that is small. What 24 bits of any
/// exponent round to less than 2⁻¹²⁶ is below 2⁻¹²⁶ − 2⁻¹⁵¹.
static float reference_bfloat16_sum(float a, float b, float sum) {
  double exact = (double)a * b + sum;
  return fabs(exact) < 0x1p-126 - 0x1p-151 ? copysignf(0, fmaf(a, b, sum)) : fmaf(a, b, sum);
}

static float float_of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/// SiLU of what is rounded to bfloat16 next: e⁻ˣ = 2ⁿ⁺ᶠ with 2ᶠ by a polynomial of degree 3.
static float reference_short_silu(float x) {
  double power = -(double)x * 1.4426950408889634, n = rint(power), f = power - n;
  double p = 1 + f * (0x1.62f60cp-1 + f * (0x1.f00e62p-3 + f * 0x1.c2a054p-5));
  return (float)(x / (1 + ldexp(p, (int)n)));
}

/// The sums of a layer from its pairs: `in` floats of `x`, rounded to bfloat16 first.
static void reference_paired_layer(
    int64_t in, int64_t out, const uint32_t *pairs, const float *bias, const float *x, float *sums) {
  int64_t depth = (in + 1) / 2;
  uint32_t *rounded = malloc((size_t)depth * sizeof *rounded);
  ck_bfloat16_pairs(1, in, x, rounded);
  for (int64_t o = 0; o < out; o++) {
    float sum = fabsf(bias[o]) < 0x1p-126f ? copysignf(0, bias[o]) : bias[o];
    for (int64_t k = 0; k < depth; k++) {
      uint32_t w = pairs[o * depth + k], v = rounded[k];
      sum = reference_bfloat16_sum(float_of_bits(w & 0xffff0000u), float_of_bits(v & 0xffff0000u), sum);
      sum = reference_bfloat16_sum(float_of_bits(w << 16), float_of_bits(v << 16), sum);
    }
    sums[o] = sum;
  }
  free(rounded);
}

/// One row through one member: `input` holds the normalised inputs and is overwritten, `scratch` is as large.
static void reference_network(const ck_ensemble *ensemble, int32_t member, float *input, float *scratch) {
  for (int32_t layer = 0; layer < ensemble->layers; layer++) {
    int64_t in = ensemble->widths[layer], out = ensemble->widths[layer + 1];
    const float *bias = ensemble->biases[layer] + member * out;
    if (ensemble->pairs[layer]) {
      reference_paired_layer(
          in, out, ensemble->pairs[layer] + member * out * ((in + 1) / 2), bias, input, scratch);
    } else {
      ck_reference_linear(
          1, 1, in, out, input, 0, ensemble->weights[layer] + member * in * out, 0, bias, 0, CK_IDENTITY, NULL,
          scratch);
    }
    int is_last = layer + 1 == ensemble->layers;
    for (int64_t o = 0; o < out; o++) {
      if (is_last || ensemble->activation == CK_IDENTITY) input[o] = scratch[o];
      else if (ensemble->pairs[layer + 1] && ensemble->activation == CK_SILU)
        input[o] = reference_short_silu(scratch[o]);
      else input[o] = (float)ck_reference_activation(ensemble->activation, scratch[o]);
    }
  }
}

void ck_reference_ensemble_step(
    const ck_ensemble *ensemble, int32_t member, int64_t count, int64_t first_row, const int32_t *index,
    uint32_t first_identity, const ck_rows *rows, const ck_noise *noise) {
  int32_t observation_size = ensemble->observation_size;
  int32_t targets = observation_size + (ensemble->learns_reward != 0) + (ensemble->learns_termination != 0);
  int32_t widest = 0;
  for (int32_t layer = 0; layer <= ensemble->layers; layer++)
    if (ensemble->widths[layer] > widest) widest = ensemble->widths[layer];
  float *values = malloc((size_t)(2 * widest + observation_size) * sizeof(float));
  float *scratch = values + widest, *observation = scratch + widest;

  for (int64_t i = 0; i < count; i++) {
    int64_t row = index ? index[i] : first_row + i;
    for (int32_t d = 0; d < observation_size; d++) observation[d] = rows->observation[d * rows->stride + row];
    for (int32_t d = 0; d < ensemble->widths[0]; d++) {
      float value;
      if (d < ensemble->feature_count) {
        value = observation[ensemble->feature_index[d]];
        if (ensemble->feature_kind[d] == CK_FEATURE_SIN) value = (float)sin(value);
        if (ensemble->feature_kind[d] == CK_FEATURE_COS) value = (float)cos(value);
      } else {
        value = rows->action[(d - ensemble->feature_count) * rows->stride + row];
      }
      values[d] = (value - ensemble->input_mean[d]) * ensemble->input_inverse_deviation[d];
    }
    reference_network(ensemble, member, values, scratch);

    for (int32_t d = 0; d < targets; d++) {
      double mean = values[d], variance = 0, sample = mean;
      if (ensemble->is_probabilistic) {
        double high = ensemble->maximum_log_variance[d], low = ensemble->minimum_log_variance[d];
        double bounded = high - softplus(high - values[targets + d]);
        bounded = low + softplus(bounded - low);
        variance = exp(bounded);
        if (noise) {
          uint32_t identity = first_identity + (uint32_t)row;
          uint32_t counter[4] = {identity, noise->step, noise->iteration, (uint32_t)d / 4};
          sample += exp(0.5 * bounded) * reference_normal(noise->key, counter, d % 4);
        }
      }
      if (rows->mean) rows->mean[d * rows->stride + row] = (float)mean;
      if (rows->variance) rows->variance[d * rows->stride + row] = (float)variance;
      if (d < observation_size)
        rows->next_observation[d * rows->stride + row] =
            (float)(sample + (ensemble->target_is_delta[d] ? observation[d] : 0));
      else if (d == observation_size && ensemble->learns_reward) {
        if (rows->reward) rows->reward[row] = (float)sample;
      } else if (rows->termination) {
        rows->termination[row] = (float)mean;
      }
    }
  }
  free(values);
}
