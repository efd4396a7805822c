// Every kernel on buffers of exactly the size it may touch, with sizes around the widths of the registers; compiled
// with sanitizers by scripts/sanitize.sh. A sanitizer ends the program; wrong numbers are the tests' business.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckernels.h"

static float* fresh(int64_t count) {
  float* memory = malloc((size_t)count * sizeof(float));
  for (int64_t i = 0; i < count; i++) memory[i] = (float)((i * 37 + 11) % 101) / 50.0f - 1.0f;
  return memory;
}

static void elementwise(int64_t n) {
  float *x = fresh(n), *y = fresh(n), *z = fresh(n), *v = fresh(n);
  for (int i = 0; i < CK_ACTIVATION_COUNT; i++) {
    ck_activation(i, n, x, y);
    ck_activation_gradient(i, n, x, y, z, 0);
    ck_activation_gradient(i, n, x, y, z, 1);
  }
  for (int i = 0; i < CK_UNARY_COUNT; i++) ck_unary(i, n, x, y);
  const float hard[] = {NAN, INFINITY, -INFINITY, 0, -0.0f, 1e38f, -1e38f, 1e-45f, 3e9f, -3e9f};
  for (int64_t i = 0; i < n; i++) y[i] = hard[i % 10];
  for (int i = 0; i < CK_ACTIVATION_COUNT; i++) ck_activation(i, n, y, z);
  for (int i = 0; i < CK_UNARY_COUNT; i++) ck_unary(i, n, y, z);
  ck_adam adam = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.1f, 1, 1};
  for (int64_t i = 0; i < n; i++) v[i] = fabsf(v[i]);
  ck_adam_step(&adam, n, x, z, y, v);
  ck_sum_of_squares(n, x);
  ck_sum(n, x);
  ck_first_nonfinite(n, x);
  ck_polyak(n, 0.5f, y, x);
  ck_fill_normal(1, 2, n, x);
  ck_fill_uniform(1, 2, n, -1, 1, x);
  ck_fill_truncated_normal(1, 2, n, 2, x);
  free(x), free(y), free(z), free(v);
}

static void linear(ck_pool* pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs) {
  float *x = fresh(batch * rows * inputs), *w = fresh(batch * outputs * inputs), *b = fresh(batch * outputs);
  float *z = fresh(batch * rows * outputs), *y = fresh(batch * rows * outputs), *dx = fresh(batch * rows * inputs);
  float *dw = fresh(batch * outputs * inputs), *db = fresh(batch * outputs);
  int64_t xs = rows * inputs, ws = outputs * inputs;
  for (int shared = 0; shared < 2; shared++) {
    ck_linear(pool, batch, rows, inputs, outputs, x, shared ? 0 : xs, w, ws, b, outputs, CK_SILU, z, y);
    for (int add = 0; add < 2; add++) {
      ck_linear_input_gradient(pool, batch, rows, inputs, outputs, y, w, ws, dx, xs, add);
      ck_linear_weight_gradient(
          pool, batch, rows, inputs, outputs, y, x, shared ? 0 : xs, dw, ws, db, outputs, add);
    }
  }
  ck_linear(pool, batch, rows, inputs, outputs, x, xs, w, ws, NULL, 0, CK_IDENTITY, NULL, y);
  free(x), free(w), free(b), free(z), free(y), free(dx), free(dw), free(db);
}

static void ensemble(int64_t count, int observation, int action, int hidden) {
  int features = observation + 1, targets = observation + 2, members = 3;
  ck_ensemble e;
  memset(&e, 0, sizeof e);
  e.layers = 3;
  e.members = members;
  int widths[] = {features + action, hidden, hidden + 1, 2 * targets};
  float* owned[8];
  for (int i = 0; i <= 3; i++) e.widths[i] = widths[i];
  for (int i = 0; i < 3; i++) {
    e.weights[i] = owned[2 * i] = fresh((int64_t)members * widths[i] * widths[i + 1]);
    e.biases[i] = owned[2 * i + 1] = fresh((int64_t)members * widths[i + 1]);
  }
  e.activation = CK_SILU;
  e.observation_size = observation, e.action_size = action, e.feature_count = features;
  int32_t* kind = calloc((size_t)features, 4);
  int32_t* index = calloc((size_t)features, 4);
  int32_t* delta = calloc((size_t)observation, 4);
  for (int i = 0; i < features; i++) kind[i] = i % 3, index[i] = i % observation;
  e.feature_kind = kind, e.feature_index = index, e.target_is_delta = delta;
  float *mean = fresh(widths[0]), *inverse = fresh(widths[0]), *low = fresh(targets), *high = fresh(targets);
  e.input_mean = mean, e.input_inverse_deviation = inverse;
  e.minimum_log_variance = low, e.maximum_log_variance = high;
  e.is_probabilistic = e.learns_reward = e.learns_termination = 1;
  float *workspace = fresh(ck_ensemble_workspace(&e)), *o = fresh(observation * count), *a = fresh(action * count);
  float *next = fresh(observation * count), *reward = fresh(count), *end = fresh(count);
  float *means = fresh(targets * count), *variances = fresh(targets * count);
  ck_rows rows = {count, o, a, next, reward, end, means, variances};
  ck_noise noise = {7, 1, 2};
  ck_ensemble_step(&e, 1, count, 0, NULL, 0, &rows, &noise, workspace);
  int32_t* chosen = calloc((size_t)count, 4);
  for (int64_t i = 0; i < count; i++) chosen[i] = (int32_t)(count - 1 - i);
  ck_ensemble_step(&e, 2, count, 0, chosen, 5, &rows, &noise, workspace);
  rows.mean = rows.variance = NULL;
  ck_ensemble_step(&e, 0, count, 0, NULL, 0, &rows, NULL, workspace);
  uint32_t* pairs[2];
  for (int i = 1; i < 3; i++) {
    pairs[i - 1] = malloc((size_t)members * widths[i + 1] * ((widths[i] + 1) / 2) * sizeof(uint32_t));
    ck_bfloat16_pairs((int64_t)members * widths[i + 1], widths[i], e.weights[i], pairs[i - 1]);
    e.pairs[i] = pairs[i - 1];
  }
  for (int native = 0; native < 2; native++) {
    ck_bfloat16_allow_native(native);
    ck_ensemble_step(&e, 2, count, 0, NULL, 0, &rows, &noise, workspace);
  }
  for (int i = 0; i < 6; i++) free(owned[i]);
  free(pairs[0]), free(pairs[1]);
  free(kind), free(index), free(delta), free(mean), free(inverse), free(low), free(high), free(workspace), free(o);
  free(a), free(next), free(reward), free(end), free(means), free(variances), free(chosen);
}

static void touch(void* context, int64_t task, int32_t worker) {
  (void)worker;
  ((int64_t*)context)[task] += task;
}

int main(void) {
  if (ck_isa_environment_fault()) return puts("not on this machine"), 0;
  const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 130};
  int count = sizeof sizes / sizeof *sizes, calls = 0;
  for (int i = 0; i < count; i++) elementwise(sizes[i]), calls++;
  for (int threads = 1; threads <= 4; threads++) {
    ck_pool* pool = ck_pool_create(threads);
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < count; j++) {
        linear(pool, 1 + (i + j) % 3, sizes[i], sizes[j], sizes[(i + 2 * j) % count]);
        calls++;
      }
    }
    int64_t marks[1000] = {0};
    for (int round = 0; round < 200; round++) ck_pool_run(pool, 1000, touch, marks);
    ck_pool_destroy(pool);
  }
  for (int i = 0; i < count; i++) {
    for (int observation = 1; observation <= 5; observation += 2) {
      ensemble(sizes[i], observation, 1 + i % 3, 5 + 7 * (i % 4)), calls++;
    }
  }
  printf("%d rounds of every kernel (%s)\n", calls, ck_isa_name(ck_isa_current()));
  return 0;
}
