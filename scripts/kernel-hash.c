// What every public kernel computes, as one hash per line, so that two processors can be compared and a difference
// names the kernel; see check-arm64.sh. Sizes: one, odd, and wider than any register. Every NaN counts as the same one:
// which bits a NaN has is the processor's business. Behind each output stands a guard, which is hashed as well. The
// numbers depend on the order in which arguments are evaluated: clang does that from left to right for every processor.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckernels.h"

#pragma STDC FP_CONTRACT OFF

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
static const int64_t sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 67, 130};

// MARK: - Memory that is filled and hashed

enum { GUARD = 16, MOST_BLOCKS = 64 };
typedef struct {
  uint32_t *words;
  int64_t count;
  int is_output;
} block;
static block blocks[MOST_BLOCKS];
static int block_count;
static uint64_t hash, random_state;

static uint64_t random_bits(void) {
  uint64_t x = random_state += 0x9E3779B97F4A7C15u;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

static void *take(int64_t count, int is_output) {
  size_t bytes = ((size_t)(count + GUARD) * 4 + 63) / 64 * 64;
  uint32_t *words = aligned_alloc(64, bytes);
  if (!words || block_count == MOST_BLOCKS) abort();
  memset(words, 0x5a, bytes);
  blocks[block_count++] = (block){words, count, is_output};
  return words;
}

/// Uniform numbers in [−range, range).
static float *input(int64_t count, float range) {
  float *x = take(count, 0);
  for (int64_t i = 0; i < count; i++) x[i] = (float)((int64_t)(random_bits() >> 40) - (1 << 23)) * 0x1p-23f * range;
  return x;
}

/// The same, which the kernel changes.
static float *changed(int64_t count, float range) {
  float *x = input(count, range);
  blocks[block_count - 1].is_output = 1;
  return x;
}

/// Numbers with every fifth one at the edges of float32.
static float *hard(int64_t count, float range) {
  static const float edges[] = {NAN, INFINITY, -INFINITY, 0, -0.0f, 3e38f, -3e38f, 1e-45f, -2e-39f, 88.8f, -104};
  float *x = input(count, range);
  for (int64_t i = count > 1 ? 2 : 0; i < count; i += 5) x[i] = edges[(i / 5 + count) % COUNT(edges)];
  return x;
}

static float *output(int64_t count) { return take(count, 1); }

static void fold(uint32_t word) { hash = (hash ^ word) * 0x100000001B3u; }

static void fold_double(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  fold((uint32_t)bits), fold((uint32_t)(bits >> 32));
}

/// Hashes all outputs since the last call, and frees everything.
static void absorb(void) {
  for (int i = 0; i < block_count; i++) {
    for (int64_t j = 0; blocks[i].is_output && j < blocks[i].count + GUARD; j++) {
      uint32_t word = blocks[i].words[j];
      fold((word & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : word);
    }
    free(blocks[i].words);
  }
  block_count = 0;
}

/// Ends a kernel's line, and begins the next with numbers of its own.
static void line(const char *kernel, const char *detail) {
  absorb();
  printf("%s%s%s %016llx\n", kernel, *detail ? "/" : "", detail, (unsigned long long)hash);
  hash = 0xCBF29CE484222325u, random_state = 1;
}

// MARK: - Elementwise

static const char *const activations[] = {"identity", "relu", "tanh",     "sigmoid", "silu",
                                          "elu",      "gelu", "gelu-erf", "mish",    "softplus"};
static const char *const functions[] = {"exp", "log", "sin", "cos", "sqrt", "log1p"};
_Static_assert(COUNT(activations) == CK_ACTIVATION_COUNT && COUNT(functions) == CK_UNARY_COUNT, "a name for each");

static void elementwise(void) {
  for (int kind = 0; kind < CK_ACTIVATION_COUNT; kind++) {
    for (int s = 0; s < COUNT(sizes); s++) ck_activation(kind, sizes[s], hard(sizes[s], 8), output(sizes[s])), absorb();
    line("ck_activation", activations[kind]);
    for (int s = 0; s < COUNT(sizes); s++) {
      for (int accumulate = 0; accumulate < 2; accumulate++) {
        const float *x = hard(sizes[s], 8), *dy = input(sizes[s], 2);
        ck_activation_gradient(kind, sizes[s], x, dy, changed(sizes[s], 1), accumulate);
        absorb();
      }
    }
    line("ck_activation_gradient", activations[kind]);
  }
  for (int function = 0; function < CK_UNARY_COUNT; function++) {
    for (int s = 0; s < COUNT(sizes); s++) {
      ck_unary(function, sizes[s], hard(sizes[s], 3), output(sizes[s]));
      ck_unary(function, sizes[s], input(sizes[s], function == CK_EXP ? 100 : 1e5f), output(sizes[s]));
      absorb();
    }
    line("ck_unary", functions[function]);
  }
  for (int s = 0; s < COUNT(sizes); s++) {
    for (int64_t step = 1; step < 2000; step = step * 7 + 1) {
      ck_adam adam = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f * (step > 1), 0.2f, 0.7f, step};
      float *v = changed(sizes[s], 0.1f);
      for (int64_t i = 0; i < sizes[s]; i++) v[i] *= v[i];
      ck_adam_step(&adam, sizes[s], changed(sizes[s], 1), input(sizes[s], 0.5f), changed(sizes[s], 0.1f), v);
      absorb();
    }
  }
  line("ck_adam_step", "");
  for (int s = 0; s < COUNT(sizes); s++) fold_double(ck_sum(sizes[s], input(sizes[s], 1e3f)));
  line("ck_sum", "");
  for (int s = 0; s < COUNT(sizes); s++) fold_double(ck_sum_of_squares(sizes[s], input(sizes[s], 1e3f)));
  line("ck_sum_of_squares", "");
  for (int s = 0; s < COUNT(sizes); s++) {
    fold((uint32_t)ck_first_nonfinite(sizes[s], hard(sizes[s], 1)));
    fold((uint32_t)ck_first_nonfinite(sizes[s], input(sizes[s], 1)));
  }
  line("ck_first_nonfinite", "");
  for (int s = 0; s < COUNT(sizes); s++)
    ck_polyak(sizes[s], 0.005f, input(sizes[s], 1), changed(sizes[s], 1)), absorb();
  line("ck_polyak", "");
}

// MARK: - Random numbers and pairs

static const uint64_t keys[] = {0, 1, 0xFEDCBA9876543210u, ~0ull};

static void random_numbers(void) {
  for (int k = 0; k < COUNT(keys); k++) {
    for (uint32_t c = 0; c < 9; c++) {
      const uint32_t counter[] = {c, c * 0x1234567u, ~c, k}, key[] = {(uint32_t)keys[k], (uint32_t)(keys[k] >> 32)};
      uint32_t words[4];
      ck_philox(counter, key, words);
      for (int i = 0; i < 4; i++) fold(words[i]);
    }
  }
  line("ck_philox", "");
  for (int k = 0; k < COUNT(keys); k++)
    for (int s = 0; s < COUNT(sizes); s++) ck_fill_normal(keys[k], keys[3 - k], sizes[s], output(sizes[s])), absorb();
  ck_fill_normal(3, 4, 20000, output(20000));
  line("ck_fill_normal", "");
  for (int k = 0; k < COUNT(keys); k++) {
    for (int s = 0; s < COUNT(sizes); s++)
      ck_fill_uniform(keys[k], keys[3 - k], sizes[s], -3, 0.7f, output(sizes[s])), absorb();
  }
  ck_fill_uniform(3, 4, 20000, 1, 1.0000001f, output(20000));
  line("ck_fill_uniform", "");
  for (int k = 0; k < COUNT(keys); k++) {
    for (int s = 0; s < COUNT(sizes); s++) {
      float bound = s % 2 ? 2 : 0.01f;  // the narrow one takes many attempts
      ck_fill_truncated_normal(keys[k], keys[3 - k], sizes[s], bound, output(sizes[s])), absorb();
    }
  }
  line("ck_fill_truncated_normal", "");
  for (int s = 0; s < COUNT(sizes); s++)
    ck_bfloat16_pairs(3, sizes[s], hard(3 * sizes[s], 5), take(3 * ((sizes[s] + 1) / 2), 1)), absorb();
  line("ck_bfloat16_pairs", "");
}

// MARK: - Threads

static void mark(void *context, int64_t task, int32_t worker) {
  (void)worker;
  ((uint32_t *)context)[task] = (uint32_t)(task * task + 1);
}

static void pools(ck_pool *pool) {
  ck_pool_run(pool, 1000, mark, take(1000, 1));
  line("ck_pool_run", "");
  ck_pool_run_in_order(pool, 1000, mark, take(1000, 1));
  line("ck_pool_run_in_order", "");
}

// MARK: - Matrix products

typedef void product_case(ck_pool *pool, int64_t rows, int64_t inputs, int64_t outputs, int variation);
enum { BATCH = 3, VARIATIONS = 4 };

static void linear(ck_pool *pool, int64_t m, int64_t k, int64_t n, int variation) {
  static const int kinds[VARIATIONS] = {CK_IDENTITY, CK_RELU, CK_SILU, CK_MISH};
  int is_shared = variation == 1;
  const float *x = input(BATCH * m * k, 1), *w = input(BATCH * n * k, 0.3f), *bias = input(BATCH * n, 1);
  float *z = variation == 3 ? NULL : output(BATCH * m * n);
  ck_linear(
      pool, BATCH, m, k, n, x, is_shared ? 0 : m * k, w, n * k, variation == 2 ? NULL : bias, n, kinds[variation], z,
      output(BATCH * m * n));
}

static void input_gradient(ck_pool *pool, int64_t m, int64_t k, int64_t n, int variation) {
  const float *dz = input(BATCH * m * n, 1), *w = input(BATCH * n * k, 0.3f);
  int64_t stride = variation / 2 ? 0 : m * k;
  ck_linear_input_gradient(pool, BATCH, m, k, n, dz, w, n * k, changed(BATCH * m * k, 1), stride, variation % 2);
}

static void weight_gradient(ck_pool *pool, int64_t m, int64_t k, int64_t n, int variation) {
  const float *dz = input(BATCH * m * n, 1), *x = input(BATCH * m * k, 1);
  int is_shared = variation / 2;
  float *dw = changed(BATCH * n * k, 1), *dbias = variation == 1 ? NULL : changed(BATCH * n, 1);
  ck_linear_weight_gradient(
      pool, BATCH, m, k, n, dz, x, m * k, dw, is_shared ? 0 : n * k, dbias, is_shared ? 0 : n, variation % 2);
}

/// Matrices turned round.
static void transposes(void) {
  for (int64_t rows = 1; rows <= 33; rows += 16)
    for (int64_t columns = 1; columns <= 49; columns += 24) {
      ck_transpose(BATCH, rows, columns, input(BATCH * rows * columns, 1), output(BATCH * rows * columns));
      absorb();
    }
  line("ck_transpose", "");
}

static void products(ck_pool *pool, const char *name, product_case *run) {
  static const int64_t few[] = {1, 3, 16, 33, 67};
  // Deeper, taller and wider than one block.
  static const int64_t large[][3] = {{9, 517, 19}, {243, 7, 21}, {5, 9, 485}, {131, 70, 130}};
  for (int variation = 0; variation < VARIATIONS; variation++) {
    for (int i = 0; i < COUNT(few); i++) {
      for (int j = 0; j < COUNT(few); j++) {
        for (int l = 0; l < COUNT(few); l++)
          run((i + j + l) % 2 ? pool : NULL, few[i], few[j], few[l], variation), absorb();
      }
    }
    for (int i = 0; i < COUNT(large); i++)
      run(i % 2 ? pool : NULL, large[i][0], large[i][1], large[i][2], variation), absorb();
  }
  line(name, "");
}

// MARK: - Ensemble

typedef struct {
  ck_ensemble shape;
  int32_t kinds[16], columns[16], is_delta[16];
} ensemble;

enum { MEMBERS = 3, LAYERS = 4 };

/// An ensemble with sines and cosines among its features, every kind of target and hidden layers of `width` and more.
static void make_ensemble(ensemble *e, int observation, int action, int width, int activation, int deterministic) {
  memset(e, 0, sizeof *e);
  ck_ensemble *s = &e->shape;
  int features = observation + 2, targets = observation + (deterministic ? 0 : 2);
  const int32_t widths[] = {features + action, width, width + 1, 2 * width, deterministic ? targets : 2 * targets};
  for (int i = 0; i < features; i++) e->kinds[i] = i % 3, e->columns[i] = i % observation;
  for (int i = 0; i < observation; i++) e->is_delta[i] = i % 2;
  s->layers = LAYERS, s->members = MEMBERS, s->activation = activation;
  memcpy(s->widths, widths, sizeof widths);
  for (int l = 0; l < LAYERS; l++) {
    s->weights[l] = input((int64_t)MEMBERS * widths[l] * widths[l + 1], 2 / sqrtf((float)widths[l]));
    s->biases[l] = input((int64_t)MEMBERS * widths[l + 1], 0.5f);
  }
  s->observation_size = observation, s->action_size = action, s->feature_count = features;
  s->feature_kind = e->kinds, s->feature_index = e->columns, s->target_is_delta = e->is_delta;
  s->input_mean = input(widths[0], 0.5f), s->input_inverse_deviation = input(widths[0], 2);
  s->is_probabilistic = s->learns_reward = s->learns_termination = !deterministic;
  float *low = input(targets, 1), *high = input(targets, 1);
  for (int i = 0; i < targets; i++) low[i] -= 9, high[i] += 1.5f;
  s->minimum_log_variance = low, s->maximum_log_variance = high;
}

/// Some steps of `count` rows: all of them, then in another order, then without noise.
static void step(const ensemble *e, int64_t count) {
  const ck_ensemble *s = &e->shape;
  int64_t targets = s->observation_size + s->learns_reward + s->learns_termination;
  ck_rows rows = {
      count, input(s->observation_size * count, 2), input(s->action_size * count, 1),
      output(s->observation_size * count), s->learns_reward ? output(count) : NULL,
      s->learns_termination ? output(count) : NULL, output(targets * count), output(targets * count)};
  ck_noise noise = {0x123456789ABCDEFu, 4, 7};
  int32_t *order = take(count, 0);
  for (int64_t i = 0; i < count; i++) order[i] = (int32_t)(count - 1 - i);
  float *workspace = take(ck_ensemble_workspace(s), 0);
  ck_ensemble_step(s, 1, count, 0, NULL, 100, &rows, &noise, workspace);
  rows.observation = rows.next_observation;
  ck_ensemble_step(s, 2, count, 0, order, 0, &rows, &noise, workspace);
  ck_ensemble_step(s, 0, count / 2, count / 2, NULL, 0, &rows, NULL, workspace);
}

static void ensembles(const char *detail, int is_reduced) {
  static const int64_t counts[] = {1, 5, 17, 47, 48, 49, 131};
  static const int widths[] = {1, 7, 33, 70};
  for (int w = 0; w < COUNT(widths); w++) {
    for (int c = 0; c < COUNT(counts); c++) {
      static const int kinds[] = {CK_SILU, CK_RELU, CK_TANH, CK_SILU, CK_ELU};
      ensemble e;
      make_ensemble(&e, 1 + c, 1 + w, widths[w], kinds[(c + w) % COUNT(kinds)], c % 3 == 2);
      for (int l = 1; l < LAYERS && is_reduced; l++) {
        int64_t rows = (int64_t)MEMBERS * e.shape.widths[l + 1], columns = e.shape.widths[l];
        uint32_t *pairs = take(rows * ((columns + 1) / 2), 0);
        ck_bfloat16_pairs(rows, columns, e.shape.weights[l], pairs);
        e.shape.pairs[l] = pairs;
      }
      step(&e, counts[c]);
      absorb();
    }
  }
  line("ck_ensemble_step", detail);
}

// MARK: - Training

typedef struct {
  const float *x, *goal;
  float *y;
  int64_t inputs, outputs;  // of one member
} minibatch;

static void give_inputs(void *context, int32_t member, float *x) {
  const minibatch *batch = context;
  memcpy(x, batch->x + member * batch->inputs, (size_t)batch->inputs * sizeof *x);
}

static void half_squared_error(void *context, int32_t member, const float *y, float *dy) {
  const minibatch *batch = context;
  memcpy(batch->y + member * batch->outputs, y, (size_t)batch->outputs * sizeof *y);
  for (int64_t i = 0; i < batch->outputs; i++) dy[i] = y[i] - batch->goal[member * batch->outputs + i];
}

/// A network of MEMBERS members and three layers; returns the count of its parameters.
static int64_t lay_out(ck_network *network, const int32_t widths[4], int activation) {
  *network = (ck_network){.layers = 3, .members = MEMBERS, .activation = activation};
  memcpy(network->widths, widths, 4 * sizeof *widths);
  int64_t count = 0;
  for (int l = 0; l < network->layers; l++) {
    network->weights[l] = count, count += (int64_t)MEMBERS * widths[l] * widths[l + 1];
    network->biases[l] = count, count += (int64_t)MEMBERS * widths[l + 1];
  }
  return count;
}

static void train(ck_pool *pool, int64_t rows, int width, int activation, int is_step) {
  const int32_t widths[] = {5, width, width + 1, 3};
  ck_network network;
  int64_t count = lay_out(&network, widths, activation);
  int64_t inputs = rows * widths[0], outputs = rows * widths[network.layers];
  minibatch numbers = {
      input(MEMBERS * inputs, 2), input(MEMBERS * outputs, 1), output(MEMBERS * outputs), inputs, outputs};
  ck_training_batch batch = {&numbers, give_inputs, half_squared_error};
  float *parameters = changed(count, 0.4f), *memory = take(ck_training_memory(pool, &network, rows), 0);
  if (!is_step) {
    ck_training_gradients(pool, &network, rows, &batch, parameters, memory, output(count));
    return;
  }
  const float decays[] = {0.01f, 0.02f, 0.03f};
  float *m = changed(count, 0), *v = changed(count, 0);
  for (int64_t s = 1; s <= 3; s++) {
    ck_adam adam = {1e-2f, 0.9f, 0.999f, 1e-8f, 0, 0.1f * (s > 1), 0.8f, s};
    ck_training_step(pool, &network, rows, &batch, &adam, s > 2 ? NULL : decays, parameters, m, v, memory);
  }
}

static void trainings(ck_pool *pool, const char *name, int is_step) {
  static const int64_t rows[] = {1, 5, 16, 33, 67, 130};
  static const int widths[] = {1, 16, 35, 70};
  for (int kind = 0; kind < CK_ACTIVATION_COUNT; kind++) {
    for (int w = 0; w < COUNT(widths); w++) {
      for (int r = kind % 2; r < COUNT(rows); r += kind == CK_SILU ? 1 : 2)
        train((w + r) % 2 ? pool : NULL, rows[r], widths[w], kind, is_step), absorb();
    }
  }
  line(name, "");
}

// MARK: - Norms, latents and pictures

static float *positive(int64_t count, float range) {
  float *x = input(count, range);
  for (int64_t i = 0; i < count; i++) x[i] = x[i] < 0 ? -x[i] : x[i];
  return x;
}

static void norms(void) {
  static const int64_t columns[] = {1, 5, 16, 63, 200};
  for (int s = 0; s < COUNT(columns); s++) {
    int64_t n = columns[s], count = 3 * n;
    float *x = input(count, 4), *dy = input(count, 1), *y = output(count), *inverse = output(3);
    ck_normalize_rows(3, n, 0.01f, x, y, inverse);
    ck_normalize_rows_gradient(3, n, y, inverse, dy, changed(count, 1), s % 2);
    absorb();
  }
  line("ck_normalize_rows", "");
  for (int s = 0; s < COUNT(columns); s++) {
    int64_t n = columns[s], count = 3 * n;
    float *x = input(count, 4), *dy = input(count, 1), *scale = input(n, 1), *y = output(count), *inverse = output(3);
    ck_norm_silu(3, n, 1e-4f, x, scale, inverse, y);
    ck_norm_silu_gradient(3, n, x, scale, inverse, dy, changed(count, 1), s % 2, changed(n, 1));
    absorb();
  }
  line("ck_norm_silu", "");
}

static void block_products(ck_pool *pool) {
  for (int64_t b = 1; b <= 4; b++) {
    int64_t rows = 9 * b, k = 3 + 5 * b, n = 17 - b, accumulates = b % 2;
    float *x = input(rows * b * k, 1), *w = input(b * n * k, 1), *dy = input(rows * b * n, 1);
    ck_block_linear(
        pool, b, rows, k, n, x, b * k, w, accumulates ? NULL : input(b * n, 1), changed(rows * b * n, 1), b * n,
        (int32_t)accumulates);
    ck_block_linear_input_gradient(
        pool, b, rows, k, n, dy, b * n, w, changed(rows * b * k, 1), b * k, (int32_t)accumulates);
    ck_block_linear_weight_gradient(
        pool, b, rows, k, n, dy, b * n, x, b * k, changed(b * n * k, 1), changed(b * n, 1), (int32_t)accumulates);
    absorb();
  }
  line("ck_block_linear", "");
  for (int64_t b = 1; b <= 3; b++) {
    int64_t size = 7 * b, count = 5 * b * size;
    float *gates = input(3 * count, 3), *h = input(count, 1), *dnext = input(count, 1);
    ck_block_gru(5, b, size, gates, h, output(count));
    ck_block_gru_gradient(5, b, size, gates, h, dnext, changed(3 * count, 1), b % 2, changed(count, 1), b % 2);
    absorb();
  }
  line("ck_block_gru", "");
}

static void latents(void) {
  for (int64_t classes = 2; classes <= 34; classes += 16) {
    int64_t groups = 6, count = groups * classes;
    float *left = input(count, 3), *right = input(count, 3), *draws = positive(groups, 1);
    float *probabilities = output(count);
    ck_one_hot_sample(groups, classes, 0.01f, left, draws, probabilities, output(count));
    ck_softmax_gradient(groups, classes, 0.99f, probabilities, right, changed(count, 1), classes == 18);
    ck_latent_kl(2, 3, classes, 0.01f, left, right, output(2), output(2), output(2), output(count), output(count));
    absorb();
  }
  line("ck_latent_kl", "");
  for (int64_t bins = 3; bins <= 41; bins += 19) {
    int64_t rows = 5;
    float *values = input(bins, 1), *logits = input(rows * bins, 3), *target = input(2 * rows, 1);
    float *normalizer = output(rows), *dloss = input(rows, 1);
    for (int64_t i = 0; i < bins; i++) values[i] = (float)(2 * i - bins + 1) / (float)(bins - 1);
    ck_two_hot_mean(rows, bins, values, logits, output(rows));
    ck_two_hot_loss(rows, bins, values, logits, 2, target, output(rows), normalizer);
    ck_two_hot_loss_gradient(
        rows, bins, values, logits, 2, target, normalizer, dloss, changed(rows * bins, 1), bins == 22);
    absorb();
  }
  line("ck_two_hot_loss", "");
  for (int64_t s = 1; s <= 3; s++) {
    ck_laprop laprop = {1e-2f, 0.9f, 0.999f, 1e-8f, 0.8f, s};
    ck_laprop_step(&laprop, 37, changed(37, 1), input(37, 0.5f), changed(37, 0.1f), positive(37, 0.1f));
    absorb();
  }
  line("ck_laprop_step", "");
}

static void networks(ck_pool *pool, const char *name, int is_normalized) {
  const int32_t widths[] = {5, 19 + 64 * is_normalized, 20, 3};
  ck_network network;
  int64_t count = lay_out(&network, widths, CK_SILU);
  network.is_normalized = is_normalized;
  network.epsilons[0] = 1, network.epsilons[1] = 0.01f;
  for (int64_t rows = 1; rows <= 67; rows += 33) {
    float *x = input(rows * 5, 2), *parameters = input(count, 0.4f), *dy = input(MEMBERS * rows * 3, 1);
    float *memory = take(ck_network_memory(&network, rows), 0);
    ck_network_forward(pool, &network, rows, x, 0, parameters, CK_KEEP_ALL, memory, output(MEMBERS * rows * 3));
    ck_network_backward(
        pool, &network, rows, dy, parameters, memory, changed(count, 1), 1, changed(rows * 5, 1), 1, 0, 1);
    absorb();
  }
  line("ck_network_forward", name);
}

/// `rows` rows of `columns` inputs in tiles.
static ck_tiles tiles_of(int64_t rows, int64_t columns, const float *x, int64_t stride) {
  int64_t width = ck_tile_width();
  ck_tiles tiles = {take((rows + width - 1) / width * width * columns, 0), columns};
  ck_tile_rows_in(rows, columns, x, stride, &tiles);
  return tiles;
}

/// The rows of tiles; what lanes without a row hold is nobody's business.
static void hash_tiles(int64_t rows, int64_t columns, const ck_tiles *tiles) {
  ck_tile_rows_out(rows, columns, tiles, output(rows * columns), columns);
}

static void tiles(void) {
  for (int64_t rows = 1; rows <= 71; rows += 35) {
    int64_t width = ck_tile_width(), count = (rows + width - 1) / width;
    for (int32_t accumulate = 0; accumulate < 2; accumulate++) {
      ck_tiles x = tiles_of(rows, 37, input(rows * 40, 1), 40), y = tiles_of(rows, 29, input(rows * 29, 1), 29);
      ck_tile_linear(count, 37, 29, &x, input(29 * 37, 1), accumulate ? NULL : input(29, 1), &y, accumulate);
      hash_tiles(rows, 29, &y);
      ck_tile_norm_silu(count, 29, 1e-4f, input(29, 1), &y);
      hash_tiles(rows, 29, &y);
      absorb();
    }
    for (int64_t blocks = 1; blocks <= 3; blocks += 2) {
      int64_t size = 7, columns = blocks * size;
      ck_tiles x = tiles_of(rows, columns, input(rows * columns, 2), columns);
      ck_tiles h = tiles_of(rows, columns, input(rows * columns, 1), columns);
      ck_tile_block_gru(count, blocks, size, &x, input(3 * columns * size, 1), input(3 * columns, 1), &h);
      hash_tiles(rows, columns, &h);
      absorb();
    }
    for (int64_t classes = 2; classes <= 34; classes += 16) {
      const float unimix = classes == 18 ? 0 : 0.01f;
      ck_tiles logits = tiles_of(rows, 3 * classes, input(rows * 3 * classes, 3), 3 * classes);
      ck_tiles draws = tiles_of(rows, 3, positive(rows * 3, 1), 3);
      ck_tiles y = tiles_of(rows, 3 * classes, input(rows * 3 * classes, 1), 3 * classes);
      ck_tile_one_hot_sample(count, 3, classes, unimix, &logits, &draws, &y);
      hash_tiles(rows, 3 * classes, &y);
      absorb();
    }
  }
  for (int64_t bins = 21; bins <= 64; bins += 43) {
    // Rows that fill whole vectors leave by another way.
    const int64_t rows = bins == 64 ? 64 : 37;
    ck_tiles logits = tiles_of(rows, bins, input(rows * bins, 2), bins);
    float *values = output(bins);
    for (int64_t i = 0; i < bins; i++) values[i] = (float)(2 * i - bins + 1) / (float)(bins - 1);
    ck_tile_two_hot_mean(rows, bins, values, &logits, output(rows));
    hash_tiles(rows, bins, &logits);
    absorb();
  }
  line("ck_tile_linear", "");
}

static void pictures(void) {
  const ck_convolution layer = {6, 4, 3, 5, 5, 1, 1, 0}, spread = {3, 4, 3, 5, 3, 2, 2, 1};
  const int64_t inputs = 6 * 4 * 3 * 16, outputs = 6 * 4 * 5 * 16, pooled = outputs / 4;
  float *x = input(inputs, 1), *dy = input(outputs, 1), *y = output(outputs), *place = output(pooled);
  ck_convolve(&layer, x, input(25 * 15, 1), input(5, 1), y);
  ck_convolve(&spread, x, input(9 * 15, 1), NULL, changed(outputs, 1));
  float *sums = changed(25 * 15 * 16, 0);
  ck_convolve_weight_gradient(&layer, x, dy, sums, changed(5 * 16, 0));
  ck_convolve_weight_gradient(&spread, x, dy, changed(9 * 15 * 16, 0), changed(5 * 16, 0));
  ck_fold_frames(2, 16, 25 * 15 - 1, sums, output(25 * 15 - 1));
  ck_convolve_pool(&layer, x, input(25 * 15, 1), input(5, 1), output(pooled), place);
  ck_convolve_pool_weight_gradient(
      &layer, x, input(pooled, 1), place, changed(25 * 15 * 16, 0), changed(5 * 16, 0));
  const ck_convolution back = {6, 4, 5, 3, 5, 1, 1, 0};
  ck_convolve_unpooled(&back, input(pooled, 1), place, input(25 * 15, 1), output(inputs));
  ck_max_pool(NULL, 1, 6, 4, 5, y, output(pooled), place);
  ck_max_pool_gradient(NULL, 1, 6, 4, 5, input(pooled, 1), place, output(outputs));
  ck_upsample(6, 4, 5, y, output(4 * outputs));
  ck_upsample_gradient(6, 4, 5, input(4 * outputs, 1), output(outputs));
  float *scale = input(5, 1), *inverse = output(24 * 16), *slopes = output(outputs);
  ck_channel_norm_silu(NULL, 1, 24, 5, 1e-4f, dy, scale, inverse, output(outputs), slopes);
  ck_channel_norm_silu_gradient(
      NULL, 1, 24, 5, dy, scale, inverse, slopes, y, output(outputs), changed(5 * 16, 1));
  ck_picture_frames(NULL, 19, 67, input(19 * 70, 255), 70, -0.5f, output(2 * 67 * 16));
  float *losses = output(outputs);
  ck_picture_loss(NULL, 19, 60, dy, input(19 * 70, 255), 70, output(2 * 16), losses);
  ck_picture_loss_gradient(NULL, 2, 60, losses, input(2 * 16, 1), changed(outputs, 1), 1);
  absorb();
  line("ck_convolve", "");
}

int main(void) {
  const char *fault = ck_isa_environment_fault();
  if (fault) return fprintf(stderr, "kernel-hash: this machine has no %s\n", fault), 2;
  ck_pool *pool = ck_pool_create(3);
  if (!pool) return fputs("kernel-hash: no threads can be made\n", stderr), 1;
  hash = 0xCBF29CE484222325u, random_state = 1;
  elementwise();
  random_numbers();
  pools(pool);
  products(pool, "ck_linear", linear);
  products(pool, "ck_linear_input_gradient", input_gradient);
  products(pool, "ck_linear_weight_gradient", weight_gradient);
  transposes();
  ensembles("float32", 0);
  ensembles("bfloat16", 1);
  ck_bfloat16_allow_native(0);
  ensembles("bfloat16-emulated", 1);
  trainings(pool, "ck_training_gradients", 0);
  trainings(pool, "ck_training_step", 1);
  norms();
  block_products(pool);
  latents();
  networks(pool, "", 0);
  networks(pool, "normalized", 1);
  tiles();
  pictures();
  float sink[] = {0.9999f, 0.0003f};
  ck_peak(1000, sink);
  memcpy(output(2), sink, sizeof sink);
  line("ck_peak", "");
  ck_pool_destroy(pool);
  return 0;
}
