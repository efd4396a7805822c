// Training steps of an ensemble of networks on the threads of a pool. Every element is formed in one place, so the
// threads do not change the result.
//
// Each thread has members of its own, the same ones in every step, for their parameters and moments are in its caches;
// a thread that comes late loses them to the others. It takes one from the minibatch to the optimiser's step, so that
// what is kept on the way forward is still near on the way back. The members that are left over are shared: tiles
// forward before all else, then tiles back and blocks of weights at the end, where they even out what the threads have
// done.
#include "kernels.h"

#include <sched.h>
#include <stdatomic.h>

enum {
  /// Floats of a cache line.
  LINE = 16,
};

/// What the threads tell each other about a member, on a cache line of its own.
typedef union {
  struct {
    _Atomic int32_t is_taken;
    _Atomic int32_t tiles_forward, tiles_back;
    _Atomic int32_t has_loss;
  };
  float line[LINE];
} member_progress;

typedef struct {
  const ck_network *network;
  const ck_training_batch *batch;
  const kernel_table *kernels;
  int64_t rows, padded_rows;
  int64_t owned_width, shared_width;  ///< rows of a tile
  int64_t shared_tiles;               ///< of each shared member
  int32_t threads;
  int32_t owned_members;  ///< the first ones, as many for each thread; the others are shared
  member_progress *progress;
  float *slots;           ///< the memory of the members under way: one for each thread, then the shared ones
  const float *parameters;
  weight_update update;
  const float *coupled_decays;
} training_step;

/// As many for each of the threads.
static int32_t owned_members(const ck_pool *pool, const ck_network *network) {
  return network->members - network->members % ck_pool_threads(pool);
}

/// Slots before those of the shared members.
static int32_t owned_slots(const ck_pool *pool, const ck_network *network) {
  return owned_members(pool, network) > 0 ? ck_pool_threads(pool) : 0;
}

int64_t ck_training_memory(const ck_pool *pool, const ck_network *network, int64_t rows) {
  int64_t slots = owned_slots(pool, network) + network->members - owned_members(pool, network);
  return LINE * network->members + slots * training_member_size(network, rows + WIDEST_TILE);
}

/// Chooses the kernels and the tiles: several vectors of rows, but one for members that are shared where the threads
/// would not all have the same number of tiles.
static training_step begin_step(
    const ck_pool *pool, const ck_network *network, int64_t rows, const ck_training_batch *batch,
    const float *parameters, float *memory) {
  const kernel_table *kernels = ck_kernels();
  int32_t owned = owned_members(pool, network), threads = ck_pool_threads(pool);
  int64_t narrow = kernels->lanes, wide = narrow < 16 ? 16 : WIDEST_TILE;
  int64_t wide_tiles = (rows + wide - 1) / wide, all_shared = wide_tiles * (network->members - owned);
  int shares_evenly = all_shared >= 4 * threads || all_shared % threads == 0;
  int64_t owned_width = rows <= narrow ? narrow : wide, shared_width = shares_evenly ? owned_width : narrow;
  return (training_step){
      .network = network, .batch = batch, .kernels = kernels, .parameters = parameters,
      .rows = rows, .padded_rows = wide_tiles * wide,
      .owned_width = owned_width, .shared_width = shared_width,
      .shared_tiles = (rows + shared_width - 1) / shared_width, .threads = threads, .owned_members = owned,
      .progress = (member_progress *)memory, .slots = memory + LINE * network->members,
  };
}

/// A member's pass in the memory of the thread that owns it, or in that of a shared one.
static member_pass pass_of(const training_step *step, int32_t member, int32_t worker) {
  int32_t owned = step->owned_members;
  int64_t slot = member < owned ? worker : (owned > 0 ? step->threads : 0) + member - owned;
  member_pass pass = {
      .network = step->network, .member = member, .rows = step->rows, .padded_rows = step->padded_rows,
      .width = member < owned ? step->owned_width : step->shared_width,
      .memory = step->slots + slot * training_member_size(step->network, step->padded_rows),
      .keeps = CK_KEEP_ALL,
  };
  pass.x = training_batch(&pass);
  pass.y = training_outputs(&pass);
  pass.dy = training_output_gradients(&pass);
  return pass;
}

// MARK: - The parts of a step

static void take_inputs(const training_step *step, const member_pass *pass) {
  step->batch->inputs(step->batch->context, pass->member, training_batch(pass));
}

static void take_loss(const training_step *step, const member_pass *pass) {
  step->batch->loss(
      step->batch->context, pass->member, training_outputs(pass), training_output_gradients(pass));
}

static void weight_block(const training_step *step, const member_pass *pass, int64_t number) {
  const output_block block = output_block_at(step->network, number);
  weight_update update = step->update;
  if (step->coupled_decays) update.adam.coupled_decay = step->coupled_decays[block.layer];
  step->kernels->training_weights(pass, &update, block.layer, block.first, block.count);
}

// MARK: - Members of a thread's own

/// A member for this thread: one of its own that nobody has taken, or else anybody's. There are as many calls as
/// members.
static int32_t take_member(const training_step *step, int32_t worker) {
  int32_t owned = step->owned_members, own = owned / step->threads;
  for (int32_t i = 0; i < owned; i++) {
    int32_t member = (worker * own + i) % owned;
    if (!atomic_exchange_explicit(&step->progress[member].is_taken, 1, memory_order_relaxed)) return member;
  }
  __builtin_unreachable();
}

static void whole_member(const training_step *step, int32_t worker) {
  const member_pass pass = pass_of(step, take_member(step, worker), worker);
  const int64_t tiles = training_tiles(&pass), blocks = blocks_of_all(step->network);
  take_inputs(step, &pass);
  for (int64_t tile = 0; tile < tiles; tile++) step->kernels->training_forward(&pass, step->parameters, tile);
  take_loss(step, &pass);
  for (int64_t tile = 0; tile < tiles; tile++) step->kernels->training_backward(&pass, step->parameters, tile);
  for (int64_t block = 0; block < blocks; block++) weight_block(step, &pass, block);
}

// MARK: - Shared members

/// Waits for what another thread is doing: it was handed out before, so somebody is at work on it.
static void await(const _Atomic int32_t *count, int64_t wanted) {
  for (int looks = 1; atomic_load_explicit(count, memory_order_acquire) < wanted; looks++)
    if (looks % 1000 == 0) sched_yield();
}

/// The thread that brings the last tile takes the loss.
static void shared_forward_tile(const training_step *step, int32_t member, int64_t tile) {
  const member_pass pass = pass_of(step, member, 0);
  member_progress *progress = &step->progress[member];
  step->kernels->training_forward(&pass, step->parameters, tile);
  if (atomic_fetch_add_explicit(&progress->tiles_forward, 1, memory_order_acq_rel) + 1 < step->shared_tiles) return;
  take_loss(step, &pass);
  atomic_store_explicit(&progress->has_loss, 1, memory_order_release);
}

static void shared_back_tile(const training_step *step, int32_t member, int64_t tile) {
  const member_pass pass = pass_of(step, member, 0);
  await(&step->progress[member].has_loss, 1);
  step->kernels->training_backward(&pass, step->parameters, tile);
  atomic_fetch_add_explicit(&step->progress[member].tiles_back, 1, memory_order_release);
}

static void shared_weight_block(const training_step *step, int32_t member, int64_t block) {
  const member_pass pass = pass_of(step, member, 0);
  await(&step->progress[member].tiles_back, step->shared_tiles);
  weight_block(step, &pass, block);
}

/// Each member's blocks of weights as soon as its tiles are on their way back, but one tile of the next member for each
/// thread goes before, so that no thread waits for another one's last tile.
static void shared_way_back(const training_step *step, int64_t task) {
  const int64_t blocks = blocks_of_all(step->network);
  for (int32_t member = step->owned_members;; member++) {
    int64_t tiles = member < step->network->members ? step->shared_tiles : 0;
    int is_first = member == step->owned_members;
    int64_t ahead = is_first || tiles < step->threads ? tiles : step->threads;
    if (task < ahead) return shared_back_tile(step, member, task);
    task -= ahead;
    if (!is_first) {
      if (task < blocks) return shared_weight_block(step, member - 1, task);
      task -= blocks;
    }
    if (task < tiles - ahead) return shared_back_tile(step, member, ahead + task);
    task -= tiles - ahead;
  }
}

// MARK: - The whole step

static int64_t shared_members(const training_step *step) { return step->network->members - step->owned_members; }

static void training_task(void *context, int64_t task, int32_t worker) {
  const training_step *step = context;
  const int64_t tiles = step->shared_tiles, forward = shared_members(step) * tiles, owned = step->owned_members;
  if (task < forward) shared_forward_tile(step, (int32_t)(owned + task / tiles), task % tiles);
  else if (task < forward + owned) whole_member(step, worker);
  else shared_way_back(step, task - forward - owned);
}

static void run(ck_pool *pool, training_step *step) {
  const ck_network *network = step->network;
  for (int32_t member = 0; member < network->members; member++) {
    member_progress *progress = &step->progress[member];
    atomic_init(&progress->is_taken, 0);
    atomic_init(&progress->tiles_forward, 0);
    atomic_init(&progress->tiles_back, 0);
    atomic_init(&progress->has_loss, 0);
  }
  for (int32_t member = step->owned_members; member < network->members; member++) {
    const member_pass pass = pass_of(step, member, 0);
    take_inputs(step, &pass);
  }
  int64_t shared_parts = 2 * step->shared_tiles + blocks_of_all(network);
  ck_pool_run_in_order(pool, step->owned_members + shared_members(step) * shared_parts, training_task, step);
}

void ck_training_gradients(
    ck_pool *pool, const ck_network *network, int64_t rows, const ck_training_batch *batch, const float *parameters,
    float *memory, float *gradients) {
  training_step step = begin_step(pool, network, rows, batch, parameters, memory);
  step.update = (weight_update){.g = gradients};
  run(pool, &step);
}

void ck_training_step(
    ck_pool *pool, const ck_network *network, int64_t rows, const ck_training_batch *batch, const ck_adam *adam,
    const float *coupled_decays, float *parameters, float *first_moments, float *second_moments, float *memory) {
  training_step step = begin_step(pool, network, rows, batch, parameters, memory);
  step.update =
      (weight_update){.adam = ck_adam_factors(adam), .p = parameters, .m = first_moments, .v = second_moments};
  step.coupled_decays = coupled_decays;
  run(pool, &step);
}
