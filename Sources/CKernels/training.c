// Training steps of an ensemble of networks on the threads of a pool: tiles forward; then tiles back and blocks of
// weights. Every element is formed in one place, so the threads do not change the result.
//
// Each thread has members of its own, the same ones in every step, for their parameters and moments are in its caches;
// a thread that comes late loses them to the others. The members that are left over are shared, tile by tile.
#include "kernels.h"

#include <sched.h>
#include <stdatomic.h>

enum {
  /// Outputs of one task of weights: whole strips of 8 and of 12.
  BLOCK_OUTPUTS = 72,
  /// The most rows that a tile is padded by.
  WIDEST_TILE = 32,
  /// Floats of a cache line.
  LINE = 16,
};

typedef struct {
  training_pass pass;
  const kernel_table *kernels;
  int32_t threads;
  int32_t owned_members;  ///< the first ones, as many for each thread; the others are shared
  const float *parameters, *from;
  float *to;
  weight_update update;
  const float *coupled_decays;
} training_tasks;

/// How a step was begun; stands before its numbers, so that every part of the step works alike.
typedef struct {
  const kernel_table *kernels;
  int64_t wide, narrow;
  int32_t wide_members;
} step_header;

/// What the threads tell each other about a member, on a cache line of its own.
typedef struct {
  _Atomic int32_t is_taken;
  _Atomic int32_t finished_tiles;
} member_progress;

/// Floats before the numbers: the header and the members' progress.
static int64_t floats_before(const ck_network *network) { return LINE * (1 + network->members); }

static member_progress *progress_of(const training_tasks *tasks, int32_t member) {
  return (member_progress *)(tasks->pass.memory - LINE * (1 + member));
}

/// As many for each of the threads.
static int32_t owned_members(const ck_pool *pool, const ck_network *network) {
  return network->members - network->members % ck_pool_threads(pool);
}

/// Chooses the kernels and the tiles: several vectors of rows, but one for members that are shared where the threads
/// would not all have the same number of tiles.
static void begin_step(const ck_pool *pool, const ck_network *network, int64_t rows, float *memory) {
  step_header *header = (step_header *)memory;
  header->kernels = ck_kernels();
  header->narrow = header->kernels->lanes;
  header->wide = header->narrow < 16 ? 16 : WIDEST_TILE;
  int32_t owned = owned_members(pool, network), threads = ck_pool_threads(pool);
  int64_t shared_tiles = (rows + header->wide - 1) / header->wide * (network->members - owned);
  int shares_evenly = shared_tiles >= 4 * threads || shared_tiles % threads == 0;
  header->wide_members = rows <= header->narrow ? 0 : shares_evenly ? network->members : owned;
}

static training_tasks make_tasks(const ck_pool *pool, const ck_network *network, int64_t rows, float *memory) {
  const step_header *header = (const step_header *)memory;
  return (training_tasks){
      .pass = {
          .network = network, .rows = rows, .padded_rows = (rows + header->wide - 1) / header->wide * header->wide,
          .wide = header->wide, .narrow = header->narrow, .wide_members = header->wide_members,
          .memory = memory + floats_before(network)},
      .kernels = header->kernels,
      .threads = ck_pool_threads(pool),
      .owned_members = owned_members(pool, network),
  };
}

int64_t ck_training_memory(const ck_network *network, int64_t rows) {
  int64_t size = 0;
  for (int32_t l = 0; l < network->layers; l++) size += training_layer_size(network, l, rows + WIDEST_TILE);
  return floats_before(network) + size * network->members;
}

/// A member for this thread: one of its own that nobody has taken, or else anybody's. There are as many calls as members.
/// `backwards`: the one that came last on the way forward comes first, for its numbers are still in the caches.
static int32_t take_member(const training_tasks *tasks, int32_t worker, int backwards) {
  int32_t owned = tasks->owned_members, own = owned / tasks->threads;
  for (int32_t i = 0; i < owned; i++) {
    int32_t member = backwards ? ((worker + 1) * own - 1 - i + owned) % owned : (worker * own + i) % owned;
    if (!atomic_exchange_explicit(&progress_of(tasks, member)->is_taken, 1, memory_order_relaxed)) return member;
  }
  __builtin_unreachable();
}

static int64_t shared_tiles(const training_tasks *tasks) {
  int64_t tiles = 0;
  for (int32_t member = tasks->owned_members; member < tasks->pass.network->members; member++)
    tiles += training_tiles(&tasks->pass, member);
  return tiles;
}

static void run(
    ck_pool *pool, training_tasks *tasks, int64_t shared, void (*body)(void *context, int64_t task, int32_t worker)) {
  for (int32_t member = 0; member < tasks->pass.network->members; member++) {
    atomic_init(&progress_of(tasks, member)->is_taken, 0);
    atomic_init(&progress_of(tasks, member)->finished_tiles, 0);
  }
  ck_pool_run_in_order(pool, tasks->owned_members + shared, body, tasks);
}

// MARK: - Forward

static void forward_tile(const training_tasks *tasks, int32_t member, int64_t tile) {
  tasks->kernels->training_forward(&tasks->pass, tasks->parameters, member, tile, tasks->from, tasks->to);
}

static void forward_task(void *context, int64_t task, int32_t worker) {
  const training_tasks *tasks = context;
  if (task < tasks->owned_members) {
    int32_t member = take_member(tasks, worker, 0);
    for (int64_t tile = 0; tile < training_tiles(&tasks->pass, member); tile++) forward_tile(tasks, member, tile);
  } else {
    int32_t member = tasks->owned_members;
    task -= tasks->owned_members;
    for (; task >= training_tiles(&tasks->pass, member); member++) task -= training_tiles(&tasks->pass, member);
    forward_tile(tasks, member, task);
  }
}

void ck_training_forward(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *parameters, const float *x, float *y,
    float *memory) {
  begin_step(pool, network, rows, memory);
  training_tasks tasks = make_tasks(pool, network, rows, memory);
  tasks.parameters = parameters;
  tasks.from = x;
  tasks.to = y;
  run(pool, &tasks, shared_tiles(&tasks), forward_task);
}

// MARK: - The way back

static int64_t blocks_of(const ck_network *network, int32_t layer) {
  return (network->widths[layer + 1] + BLOCK_OUTPUTS - 1) / BLOCK_OUTPUTS;
}

static int64_t blocks_of_all(const ck_network *network) {
  int64_t blocks = 0;
  for (int32_t layer = 0; layer < network->layers; layer++) blocks += blocks_of(network, layer);
  return blocks;
}

static void back_tile(const training_tasks *tasks, int32_t member, int64_t tile) {
  tasks->kernels->training_backward(&tasks->pass, tasks->parameters, member, tile, tasks->from);
}

static void weight_block(const training_tasks *tasks, int32_t member, int64_t block) {
  const ck_network *network = tasks->pass.network;
  int32_t layer = 0;
  for (; block >= blocks_of(network, layer); layer++) block -= blocks_of(network, layer);
  int64_t first = block * BLOCK_OUTPUTS, left = network->widths[layer + 1] - first;
  weight_update update = tasks->update;
  if (tasks->coupled_decays) update.adam.coupled_decay = tasks->coupled_decays[layer];
  tasks->kernels->training_weights(
      &tasks->pass, &update, member, layer, first, left < BLOCK_OUTPUTS ? left : BLOCK_OUTPUTS);
}

static void shared_back_tile(const training_tasks *tasks, int32_t member, int64_t tile) {
  back_tile(tasks, member, tile);
  atomic_fetch_add_explicit(&progress_of(tasks, member)->finished_tiles, 1, memory_order_release);
}

/// Waits until all tiles of the member are back: they were handed out before, so somebody is at work on them.
static void shared_weight_block(const training_tasks *tasks, int32_t member, int64_t block) {
  const _Atomic int32_t *finished = &progress_of(tasks, member)->finished_tiles;
  const int64_t tiles = training_tiles(&tasks->pass, member);
  for (int looks = 1; atomic_load_explicit(finished, memory_order_acquire) < tiles; looks++)
    if (looks % 1000 == 0) sched_yield();
  weight_block(tasks, member, block);
}

static void way_back_task(void *context, int64_t task, int32_t worker) {
  const training_tasks *tasks = context;
  const ck_network *network = tasks->pass.network;
  const int64_t blocks = blocks_of_all(network);
  if (task < tasks->owned_members) {
    int32_t member = take_member(tasks, worker, 1);
    for (int64_t tile = 0; tile < training_tiles(&tasks->pass, member); tile++) back_tile(tasks, member, tile);
    for (int64_t block = 0; block < blocks; block++) weight_block(tasks, member, block);
    return;
  }
  // Of the shared members: each one's blocks of weights as soon as its tiles are on their way back, but one tile of the
  // next member for each thread goes before, so that no thread waits for another one's last tile.
  task -= tasks->owned_members;
  for (int32_t member = tasks->owned_members;; member++) {
    int64_t tiles = member < network->members ? training_tiles(&tasks->pass, member) : 0;
    int is_first = member == tasks->owned_members;
    int64_t ahead = is_first || tiles < tasks->threads ? tiles : tasks->threads;
    if (task < ahead) return shared_back_tile(tasks, member, task);
    task -= ahead;
    if (!is_first) {
      if (task < blocks) return shared_weight_block(tasks, member - 1, task);
      task -= blocks;
    }
    if (task < tiles - ahead) return shared_back_tile(tasks, member, ahead + task);
    task -= tiles - ahead;
  }
}

static void run_way_back(ck_pool *pool, training_tasks *tasks) {
  const ck_network *network = tasks->pass.network;
  int64_t shared = network->members - tasks->owned_members;
  run(pool, tasks, shared_tiles(tasks) + shared * blocks_of_all(network), way_back_task);
}

void ck_training_gradients(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *parameters, const float *dy, float *memory,
    float *gradients) {
  training_tasks tasks = make_tasks(pool, network, rows, memory);
  tasks.parameters = parameters;
  tasks.from = dy;
  tasks.update = (weight_update){.g = gradients};
  run_way_back(pool, &tasks);
}

void ck_training_step(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *dy, float *memory, const ck_adam *adam,
    const float *coupled_decays, float *parameters, float *first_moments, float *second_moments) {
  training_tasks tasks = make_tasks(pool, network, rows, memory);
  tasks.parameters = parameters;
  tasks.from = dy;
  tasks.update =
      (weight_update){.adam = ck_adam_factors(adam), .p = parameters, .m = first_moments, .v = second_moments};
  tasks.coupled_decays = coupled_decays;
  run_way_back(pool, &tasks);
}
