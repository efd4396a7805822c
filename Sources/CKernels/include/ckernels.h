/// C kernels of mbrl: every loop that has to run near the machine's floating-point ceiling.
///
/// One set of bytes everywhere: each output element is one chain of fused multiply-adds in ascending index order,
/// horizontal sums use 16 virtual lanes folded in a fixed order, no reciprocal or rsqrt approximation is used,
/// and random numbers are counter-based. So the AVX-512, the AVX2 and the portable variants, and any number of
/// threads, give identical results.
///
/// Matrices are row-major. "batch" is the outermost index (the ensemble member); a batch stride of 0 shares one
/// operand between all members.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

// MARK: - Instruction sets

/// Instruction-set variants, in ascending order of preference.
enum { CK_ISA_PORTABLE = 0, CK_ISA_AVX2 = 1, CK_ISA_AVX512 = 2 };

/// The best variant that this processor can run.
int32_t ck_isa_best(void);
/// Whether this processor can run `isa`.
int32_t ck_isa_available(int32_t isa);
/// The variant in use. The first call reads MBRL_ISA (avx2, avx512, portable); unset means the best.
int32_t ck_isa_current(void);
/// Switches every kernel to `isa`; returns 0, or -1 where the processor cannot run it (nothing changes then).
int32_t ck_isa_select(int32_t isa);
/// "portable", "avx2" or "avx512".
const char *ck_isa_name(int32_t isa);
/// The text of MBRL_ISA where it names no variant or one that this processor lacks (the best one is used then, the
/// program reports the fault); NULL where it is fine or unset.
const char *ck_isa_environment_fault(void);

// MARK: - Thread pool

/// A fixed set of worker threads that spin briefly, then sleep. One run owns one pool; not to be shared by two callers.
typedef struct ck_pool ck_pool;
/// A pool that works with `threads` threads, the caller's included (1...64). NULL where threads cannot be made.
ck_pool *ck_pool_create(int32_t threads);
void ck_pool_destroy(ck_pool *pool);
int32_t ck_pool_threads(const ck_pool *pool);
/// One task of a run; worker in 0..<threads.
typedef void (*ck_task)(void *context, int64_t task, int32_t worker);
/// Calls `body(context, task, worker)` for every task in 0..<tasks; returns when all are done. A NULL pool runs
/// everything on the calling thread, in order, with worker 0. Each thread begins with a part of its own, the same one
/// for the same number of tasks, so that it meets again what is in its caches; then it helps the others.
void ck_pool_run(ck_pool *pool, int64_t tasks, ck_task body, void *context);
/// The same, with the tasks handed out one after another, to any thread: one may wait for another that comes before it.
void ck_pool_run_in_order(ck_pool *pool, int64_t tasks, ck_task body, void *context);

// MARK: - Activations and elementwise functions

enum {
  CK_IDENTITY = 0,
  CK_RELU = 1,
  CK_TANH = 2,
  CK_SIGMOID = 3,
  CK_SILU = 4,
  CK_ELU = 5,
  CK_GELU_TANH = 6,
  CK_GELU_ERF = 7,
  CK_MISH = 8,
  CK_SOFTPLUS = 9,
  CK_ACTIVATION_COUNT = 10
};

/// y[i] = activation(x[i]). In place allowed.
void ck_activation(int32_t activation, int64_t count, const float *x, float *y);
/// dx[i] = dy[i] · activation'(x[i]) (`accumulate` ≠ 0: added to dx). x is the value BEFORE the activation.
/// relu'(0) = 0, elu'(0) = 1. In place on dy allowed.
void ck_activation_gradient(
    int32_t activation, int64_t count, const float *x, const float *dy, float *dx, int32_t accumulate);

enum { CK_EXP = 0, CK_LOG = 1, CK_SIN = 2, CK_COS = 3, CK_SQRT = 4, CK_LOG1P = 5, CK_UNARY_COUNT = 6 };
/// y[i] = function(x[i]); sine and cosine are accurate for |x| ≤ 1e5 (two-step reduction). In place allowed.
void ck_unary(int32_t function, int64_t count, const float *x, float *y);

// MARK: - Matrix products

/// Z[b] = X[b]·W[b]ᵀ + bias[b]; Y = activation(Z).
/// X [batch, rows, inputs], W [batch, outputs, inputs] (PyTorch's layout), bias [batch, outputs] or NULL,
/// Y [batch, rows, outputs]; `z` (NULL allowed) receives the values before the activation. Strides in floats, 0 =
/// shared. Threads never change a bit of the result.
void ck_linear(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *x, int64_t x_stride,
    const float *w, int64_t w_stride, const float *bias, int64_t bias_stride, int32_t activation, float *z, float *y);

/// Bᵀ [columns, rows] of B [rows, columns], for each of `batch` of them one after another.
void ck_transpose(int64_t batch, int64_t rows, int64_t columns, const float *x, float *y);

/// dX[b] = dZ[b]·W[b]: dZ [batch, rows, outputs], W [batch, outputs, inputs], dX [batch, rows, inputs].
/// `accumulate` ≠ 0 adds to dX (the chain starts from the old value). With dx_stride 0 the members' gradients are
/// chained into one [rows, inputs] result in member order.
void ck_linear_input_gradient(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *w,
    int64_t w_stride, float *dx, int64_t dx_stride, int32_t accumulate);

/// dW[b] = dZ[b]ᵀ·X[b] (sum over rows in ascending order), dbias[b] = column sums of dZ[b] (same order; NULL allowed).
/// dw_stride and dbias_stride 0 chain the members into one result in member order.
void ck_linear_weight_gradient(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *x,
    int64_t x_stride, float *dw, int64_t dw_stride, float *dbias, int64_t dbias_stride, int32_t accumulate);

/// Products of blocks: column block b of Y (outputs columns each) from column block b of X (inputs columns each) and
/// its own weights W[b] [outputs, inputs]. Rows of X and Y stand x_row and y_row floats apart, so that either may be
/// some columns of a wider matrix; one block is a dense layer between such. Y = X·Wᵀ + bias [blocks·outputs] (NULL: 0),
/// or, with `accumulate` ≠ 0 and no bias, added to what is in Y.
void ck_block_linear(
    ck_pool *pool, int64_t blocks, int64_t rows, int64_t inputs, int64_t outputs, const float *x, int64_t x_row,
    const float *w, const float *bias, float *y, int64_t y_row, int32_t accumulate);
/// dX = dY·W block by block, likewise; `accumulate` ≠ 0 adds.
void ck_block_linear_input_gradient(
    ck_pool *pool, int64_t blocks, int64_t rows, int64_t inputs, int64_t outputs, const float *dy, int64_t dy_row,
    const float *w, float *dx, int64_t dx_row, int32_t accumulate);
/// dW[b] = dYᵀ·X of block b, dbias = column sums of dY (NULL: none); rows in ascending order; `accumulate` ≠ 0 adds.
void ck_block_linear_weight_gradient(
    ck_pool *pool, int64_t blocks, int64_t rows, int64_t inputs, int64_t outputs, const float *dy, int64_t dy_row,
    const float *x, int64_t x_row, float *dw, float *dbias, int32_t accumulate);

// MARK: - World models with categorical latents

/// y = SiLU(x/√(mean x² + epsilon)·scale) over each row of `columns`; inverse[row] = 1/√(mean x² + epsilon).
void ck_norm_silu(
    int64_t rows, int64_t columns, float epsilon, const float *x, const float *scale, float *inverse, float *y);
/// dx (NULL: not wanted) is set, or with `accumulate` ≠ 0 added to; dscale (NULL: not wanted) is added to, rows in
/// ascending order.
void ck_norm_silu_gradient(
    int64_t rows, int64_t columns, const float *x, const float *scale, const float *inverse, const float *dy,
    float *dx, int32_t accumulate, float *dscale);
/// DreamerV3's GRU: gates [rows, blocks, 3, size] are reset, candidate and update; h and next [rows, blocks, size]:
/// u = σ(update − 1), next = u·tanh(σ(reset)·candidate) + (1 − u)·h.
void ck_block_gru(int64_t rows, int64_t blocks, int64_t size, const float *gates, const float *h, float *next);
/// dgates and dh (NULL: not wanted) are set or added to.
void ck_block_gru_gradient(
    int64_t rows, int64_t blocks, int64_t size, const float *gates, const float *h, const float *dnext, float *dgates,
    int32_t accumulate_gates, float *dh, int32_t accumulate_h);
/// One-hot samples of `groups` categoricals with probabilities (1 − unimix)·softmax + unimix/classes: the first class
/// whose cumulative probability exceeds the draw in [0, 1). A draw of 2 + k asks for class k, one below
/// 0 for the probabilities in place of a sample. `probabilities` gets the softmax.
void ck_one_hot_sample(
    int64_t groups, int64_t classes, float unimix, const float *logits, const float *draws, float *probabilities,
    float *sample);
/// dx = factor·p·(dy − Σ p·dy) in each of `groups` groups of `classes`; set or added.
void ck_softmax_gradient(
    int64_t groups, int64_t classes, float factor, const float *p, const float *dy, float *dx, int32_t accumulate);
/// KL(left ‖ right) of the mixed categoricals (see ck_one_hot_sample), summed over the groups of each row, their
/// entropies likewise, and the KL's derivatives with respect to both logits [rows, groups·classes].
void ck_latent_kl(
    int64_t rows, int64_t groups, int64_t classes, float unimix, const float *left, const float *right, float *kl,
    float *left_entropy, float *right_entropy, float *dleft, float *dright);
/// The expectation of softmax(logits) [rows, bins] over bins that are ascending and symmetrical about 0; equal
/// logits give exactly 0.
void ck_two_hot_mean(int64_t rows, int64_t bins, const float *values, const float *logits, float *mean);
/// Σ over `targets` of the cross-entropy with the target's weights on the two bins beside it; `normalizer` gets
/// log Σ e^logit of each row. target [rows, targets].
void ck_two_hot_loss(
    int64_t rows, int64_t bins, const float *values, const float *logits, int64_t targets, const float *target,
    float *loss, float *normalizer);
/// dlogits [rows, bins] from dloss [rows]; set or added.
void ck_two_hot_loss_gradient(
    int64_t rows, int64_t bins, const float *values, const float *logits, int64_t targets, const float *target,
    const float *normalizer, const float *dloss, float *dlogits, int32_t accumulate);

// MARK: - Optimiser and reductions

/// Hyper-parameters of one LaProp step (Ziyin et al. 2020); `step` counts from 1.
typedef struct {
  float learning_rate, beta1, beta2, epsilon;
  /// Every gradient is multiplied by this first; 1 = none.
  float gradient_scale;
  int64_t step;
} ck_laprop;

/// v ← β₂v + (1−β₂)g², m ← β₁m + (1−β₁)·g/(√(v/(1−β₂ᵗ)) + ε), p ← p − lr·m/(1−β₁ᵗ). Subnormal v count.
void ck_laprop_step(const ck_laprop *laprop, int64_t count, float *p, const float *g, float *m, float *v);

/// Hyper-parameters of one Adam or AdamW step; `step` counts from 1.
typedef struct {
  float learning_rate, beta1, beta2, epsilon;
  /// Added to the gradient as coupled_decay·p (PyTorch's Adam weight_decay, or the gradient of ½·decay·‖p‖²).
  float coupled_decay;
  /// p ← p·(1 − learning_rate·decoupled_decay) before the update (AdamW).
  float decoupled_decay;
  /// Every gradient is multiplied by this first (global-norm clipping); 1 = none.
  float gradient_scale;
  int64_t step;
} ck_adam;

/// One step on `count` parameters: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← p − lr·(m/(1−β₁ᵗ))/(√(v/(1−β₂ᵗ)) + ε).
void ck_adam_step(const ck_adam *adam, int64_t count, float *p, const float *g, float *m, float *v);
/// Σ x[i]² in 16 virtual lanes of doubles, folded in a fixed order.
double ck_sum_of_squares(int64_t count, const float *x);
/// Σ x[i], likewise.
double ck_sum(int64_t count, const float *x);
/// Index of the first non-finite element, or -1.
int64_t ck_first_nonfinite(int64_t count, const float *x);
/// target ← rate·source + (1 − rate)·target.
void ck_polyak(int64_t count, float rate, const float *source, float *target);

// MARK: - Normalised rows

/// Per row of x [rows, columns] y = (x − mean)·inverse, inverse = 1/√(variance + epsilon) [rows], the variance biased.
/// Not in place.
void ck_normalize_rows(
    int64_t rows, int64_t columns, float epsilon, const float *x, float *y, float *inverse);
/// dx = (dy − mean(dy) − y·mean(dy·y))·inverse per row, of the y and inverse that `ck_normalize_rows` gave
/// (`accumulate` ≠ 0: added to dx). In place on dy allowed.
void ck_normalize_rows_gradient(
    int64_t rows, int64_t columns, const float *y, const float *inverse, const float *dy, float *dx,
    int32_t accumulate);

// MARK: - Counter-based random numbers (Philox4x32-10)

/// One block: the four words for counter (c0, c1, c2, c3) under key (k0, k1).
void ck_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
/// out[i] standard normal: block i/4 of the 64-bit `key` at 128-bit counter {i/4 low, i/4 high, stream low, stream
/// high}, Box–Muller on words (0,1) → elements 0 (cos), 1 (sin), words (2,3) → elements 2, 3;
/// u1 = (w >> 8)·2⁻²⁴ + 2⁻²⁵, u2 = (w' >> 8)·2⁻²⁴, r = √(−2 log u1), cos and sin of 2π·u2.
void ck_fill_normal(uint64_t key, uint64_t stream, int64_t count, float *out);
/// out[i] uniform in [low, high): word i%4 of block i/4 as above, low + (high − low)·(w >> 8)·2⁻²⁴.
void ck_fill_uniform(uint64_t key, uint64_t stream, int64_t count, float low, float high, float *out);
/// As ck_fill_normal but limited to [−bound, bound] by redrawing: element i takes the first accepted draw among
/// attempts a = 0, 1, … from block {i low, i high, stream low, stream high ^ (a << 16)}, each block offering its four
/// normals in order; after 64 blocks the last draw is clamped.
void ck_fill_truncated_normal(uint64_t key, uint64_t stream, int64_t count, float bound, float *out);

// MARK: - Numbers of reduced precision

/// Two bfloat16 (a float32's upper half) in a word: the earlier one low. A product of pairs is
/// sum ← sum + high·high, then sum ← sum + low·low: two fused multiply-adds in float32, every subnormal number
/// in or out taken as zero, as the instruction VDPBF16PS does it. The processors that have it run near twice the
/// multiply-adds of float32; everywhere else the same bits are computed in float32's fused multiply-adds, several times
/// slower than float32 itself.

/// pairs[r·⌈columns/2⌉ + c/2] = from[r·columns + c], rounded to the nearest (ties to even), subnormal numbers to zero;
/// the last word of an odd row holds a zero above.
void ck_bfloat16_pairs(int64_t rows, int64_t columns, const float *from, uint32_t *pairs);
/// Whether the variant in use has an instruction for products of pairs.
int32_t ck_bfloat16_is_native(void);
/// `allowed` 0: products of pairs are emulated from now on even where there is an instruction (for the tests).
void ck_bfloat16_allow_native(int32_t allowed);

// MARK: - Fused ensemble roll-out

enum { CK_MAX_LAYERS = 12 };
enum { CK_FEATURE_VALUE = 0, CK_FEATURE_SIN = 1, CK_FEATURE_COS = 2 };

/// An ensemble of equal multi-layer perceptrons that predicts one step of the environment. Borrowed pointers.
///
/// Input of the network: the features of the observation, then the action columns, each (x − mean)·inverse_deviation.
/// Output: mean [targets], then, if probabilistic, the raw log-variance [targets], where targets =
/// observation_size, + 1 if learns_reward, + 1 if learns_termination (a logit, always used as its mean).
typedef struct {
  int32_t layers;                        ///< linear layers, the output layer included (1...CK_MAX_LAYERS)
  int32_t members;                       ///< networks in the ensemble
  int32_t widths[CK_MAX_LAYERS + 1];     ///< widths[0] = features + action_size, widths[layers] = output size
  const float *weights[CK_MAX_LAYERS];   ///< per layer [members, out, in]
  const float *biases[CK_MAX_LAYERS];    ///< per layer [members, out]
  /// Per layer NULL, or its weights [members, out, ⌈in/2⌉] from ck_bfloat16_pairs, in whose place they are used: the
  /// layer's inputs are rounded likewise, its sums and all that follows stay float32; a SiLU that is rounded next needs
  /// no more than a relative error of 1e-4, and has that. The first layer has none.
  const uint32_t *pairs[CK_MAX_LAYERS];
  int32_t activation;                    ///< after every layer but the last
  int32_t observation_size, action_size, feature_count;
  const int32_t *feature_kind;           ///< [feature_count] CK_FEATURE_…
  const int32_t *feature_index;          ///< [feature_count] column of the observation
  const float *input_mean;               ///< [widths[0]]
  const float *input_inverse_deviation;  ///< [widths[0]]
  const int32_t *target_is_delta;        ///< [observation_size] 1: next = observation + prediction; 0: = prediction
  int32_t is_probabilistic, learns_reward, learns_termination;
  const float *minimum_log_variance;     ///< [targets], where probabilistic
  const float *maximum_log_variance;     ///< [targets]
} ck_ensemble;

/// Noise of one call: normal d of the row with identity `r` is element d%4 of the Philox block with counter
/// {r, step, iteration, d/4} under `key` (Box–Muller as in ck_fill_normal).
typedef struct {
  uint64_t key;
  uint32_t step, iteration;
} ck_noise;

/// Rows of a roll-out, feature-major: column d of row r stands at [d·stride + r].
typedef struct {
  int64_t stride;
  const float *observation;        ///< [observation_size][stride]
  const float *action;             ///< [action_size][stride]
  float *next_observation;         ///< [observation_size][stride]; may be `observation` itself
  float *reward;                   ///< [stride] predicted reward; NULL unless learns_reward
  float *termination;              ///< [stride] predicted logit; NULL unless learns_termination
  float *mean;                     ///< [targets][stride] raw predicted means (delta not added); NULL allowed
  float *variance;                 ///< [targets][stride] predicted variances; NULL allowed (0 where deterministic)
} ck_rows;

/// The tallest tile of rows that any variant sends through an ensemble; the others' divide it.
enum { CK_TILE_ROWS = 48 };

/// Floats of scratch memory one call of ck_ensemble_step needs.
int64_t ck_ensemble_workspace(const ck_ensemble *ensemble);
/// Moves `count` rows one step through `member`. Row i of the call is row `index[i]` of `rows` (index NULL: first_row +
/// i) and its noise identity is first_identity + that row's number. `noise` NULL: the mean. Rows go in tiles
/// through all layers while they are in cache; the result does not depend on how rows are grouped into calls.
void ck_ensemble_step(
    const ck_ensemble *ensemble, int32_t member, int64_t count, int64_t first_row, const int32_t *index,
    uint32_t first_identity, const ck_rows *rows, const ck_noise *noise, float *workspace);

// MARK: - Fused training

/// An ensemble of equal multi-layer perceptrons whose parameters stand in a flat buffer, and their gradients and
/// moments in buffers of the same layout.
typedef struct {
  int32_t layers, members;                ///< linear layers (1...CK_MAX_LAYERS); networks
  int32_t activation;                     ///< after every layer but the last
  int32_t widths[CK_MAX_LAYERS + 1];      ///< inputs of the first layer, then the outputs of each
  int64_t weights[CK_MAX_LAYERS];         ///< place of each layer's [members, out, in] in the flat buffers
  int64_t biases[CK_MAX_LAYERS];          ///< likewise [members, out]
  /// Whether every hidden layer's values, after the activation, are normalised row by row as by ck_normalize_rows, and
  /// with what epsilon.
  int32_t is_normalized;
  float epsilons[CK_MAX_LAYERS];
} ck_network;

/// The numbers of a training step, member by member. Each is asked once per step for every member, on whichever thread
/// works on it.
typedef struct {
  void *context;
  /// Writes x [rows, inputs].
  void (*inputs)(void *context, int32_t member, float *x);
  /// Reads y [rows, outputs] and writes the loss's gradient dy likewise.
  void (*loss)(void *context, int32_t member, const float *y, float *dy);
} ck_training_batch;

/// Floats of memory (64-byte aligned) that a step on at most `rows` rows per member needs.
int64_t ck_training_memory(const ck_pool *pool, const ck_network *network, int64_t rows);
/// Every member's way through its network, the loss, and back to the gradients of all weights and biases: as ck_linear,
/// ck_linear_input_gradient and ck_linear_weight_gradient layer by layer, to the bit.
void ck_training_gradients(
    ck_pool *pool, const ck_network *network, int64_t rows, const ck_training_batch *batch, const float *parameters,
    float *memory, float *gradients);
/// The same with one step of Adam: as ck_adam_step on those gradients, to the bit, without writing them down.
/// `coupled_decays` [layers] replaces the weights' coupled decay (NULL: none); biases have none.
void ck_training_step(
    ck_pool *pool, const ck_network *network, int64_t rows, const ck_training_batch *batch, const ck_adam *adam,
    const float *coupled_decays, float *parameters, float *first_moments, float *second_moments, float *memory);

// MARK: - Fused networks

/// What the way forward keeps: nothing; what the gradients of the inputs need; that and what those of the parameters
/// need.
enum { CK_KEEP_NOTHING, CK_KEEP_SLOPES, CK_KEEP_ALL };

/// Floats of memory (64-byte aligned) that the way through all members needs if it keeps something.
int64_t ck_network_memory(const ck_network *network, int64_t rows);
/// y [members, rows, outputs] of x [members, rows, inputs], or of [rows, inputs] that all share (`x_stride` 0): as
/// ck_linear layer by layer, to the bit. `memory` holds what is kept; NULL where that is nothing.
void ck_network_forward(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *x, int64_t x_stride, const float *parameters,
    int32_t keeps, float *memory, float *y);
/// The way back from dy [members, rows, outputs], once, to the gradients of the parameters (`gradients` NULL: not
/// wanted; else a flat buffer as `parameters`), and to those of the inputs, whose columns before `first` are left
/// alone, dx [members or 1, rows, inputs] (NULL likewise), the members' added up in order where they share x. Both are
/// added to what is there, or take its place: as ck_linear_input_gradient and ck_linear_weight_gradient, to the bit.
void ck_network_backward(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *dy, const float *parameters, float *memory,
    float *gradients, int32_t accumulate_gradients, float *dx, int32_t is_shared, int64_t first,
    int32_t accumulate_dx);

// MARK: - The machine's ceiling

/// Runs `rounds` rounds of multiply-adds that stay in the registers, and returns how many scalar ones that were. Starts
/// from the two numbers in `sink`, and leaves one there that depends on all.
int64_t ck_peak(int64_t rounds, float sink[2]);
/// The same in products of pairs; 0 where ck_bfloat16_is_native() is.
int64_t ck_bfloat16_peak(int64_t rounds, float sink[2]);

#include "pictures.h"
#include "tiles.h"

#endif
