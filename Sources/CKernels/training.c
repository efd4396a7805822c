// Training steps of an ensemble of networks as tasks for the pool: tiles forward, tiles back, blocks of weights. Every
// element belongs to one task and every sum is formed in one place, so the threads do not change the result.
#include "kernels.h"

enum {
  /// Outputs of one task of weights: whole strips of 8 and of 12.
  BLOCK_OUTPUTS = 72,
  /// The most rows that a tile is padded by.
  WIDEST_TILE = 32,
};

typedef struct {
  training_pass pass;
  const float *parameters, *from;
  float *to;
  weight_update update;
  const float *coupled_decays;
  int64_t first_task[CK_MAX_LAYERS + 1];
} training_tasks;

/// How a step was begun; stands before its numbers, so that every part of the step works alike.
typedef struct {
  const kernel_table *kernels;
  int64_t width;
} step_header;

/// Floats that the header takes: a cache line.
enum { HEADER_FLOATS = 16 };

static training_pass make_pass(const ck_network *network, int64_t rows, float *memory) {
  int64_t width = ((const step_header *)memory)->width;
  return (training_pass){network, rows, width, (rows + width - 1) / width, memory + HEADER_FLOATS};
}

/// Chooses the kernels and the tiles: several vectors of rows, one where that leaves threads idle.
static void begin_step(const ck_pool *pool, const ck_network *network, int64_t rows, float *memory) {
  step_header *header = (step_header *)memory;
  header->kernels = ck_kernels();
  int64_t lanes = header->kernels->lanes, threads = ck_pool_threads(pool);
  header->width = lanes < 16 ? 16 : WIDEST_TILE;
  int64_t tasks = (rows + header->width - 1) / header->width * network->members;
  if (rows <= lanes || (tasks < 4 * threads && tasks % threads != 0)) header->width = lanes;
}

static const kernel_table *kernels_of(const training_tasks *tasks) {
  return ((const step_header *)(tasks->pass.memory - HEADER_FLOATS))->kernels;
}

int64_t ck_training_memory(const ck_network *network, int64_t rows) {
  int64_t size = 0;
  for (int32_t l = 0; l < network->layers; l++) size += training_layer_size(network, l, rows + WIDEST_TILE);
  return HEADER_FLOATS + size * network->members;
}

static void forward_task(void *context, int64_t task, int32_t worker) {
  const training_tasks *tasks = context;
  int64_t tiles = tasks->pass.tiles;
  (void)worker;
  kernels_of(tasks)->training_forward(
      &tasks->pass, tasks->parameters, (int32_t)(task / tiles), task % tiles, tasks->from, tasks->to);
}

void ck_training_forward(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *parameters, const float *x, float *y,
    float *memory) {
  begin_step(pool, network, rows, memory);
  training_tasks tasks = {
      .pass = make_pass(network, rows, memory), .parameters = parameters, .from = x, .to = y};
  ck_pool_run(pool, tasks.pass.tiles * network->members, forward_task, &tasks);
}

static void backward_task(void *context, int64_t task, int32_t worker) {
  const training_tasks *tasks = context;
  int64_t tiles = tasks->pass.tiles;
  (void)worker;
  kernels_of(tasks)->training_backward(
      &tasks->pass, tasks->parameters, (int32_t)(task / tiles), task % tiles, tasks->from);
}

void ck_training_backward(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *parameters, const float *dy, float *memory) {
  training_tasks tasks = {.pass = make_pass(network, rows, memory), .parameters = parameters, .from = dy};
  ck_pool_run(pool, tasks.pass.tiles * network->members, backward_task, &tasks);
}

static int64_t blocks_of(const ck_network *network, int32_t layer) {
  return (network->widths[layer + 1] + BLOCK_OUTPUTS - 1) / BLOCK_OUTPUTS;
}

static void weight_task(void *context, int64_t task, int32_t worker) {
  const training_tasks *tasks = context;
  const ck_network *network = tasks->pass.network;
  (void)worker;
  int32_t layer = 0;
  while (task >= tasks->first_task[layer + 1]) layer++;
  task -= tasks->first_task[layer];
  int64_t blocks = blocks_of(network, layer), first = task % blocks * BLOCK_OUTPUTS;
  int64_t left = network->widths[layer + 1] - first;
  weight_update update = tasks->update;
  if (tasks->coupled_decays) update.adam.coupled_decay = tasks->coupled_decays[layer];
  kernels_of(tasks)->training_weights(
      &tasks->pass, &update, (int32_t)(task / blocks), layer, first, left < BLOCK_OUTPUTS ? left : BLOCK_OUTPUTS);
}

static void run_weights(ck_pool *pool, training_tasks *tasks) {
  const ck_network *network = tasks->pass.network;
  for (int32_t layer = 0; layer < network->layers; layer++)
    tasks->first_task[layer + 1] = tasks->first_task[layer] + blocks_of(network, layer) * network->members;
  ck_pool_run(pool, tasks->first_task[network->layers], weight_task, tasks);
}

void ck_training_gradients(
    ck_pool *pool, const ck_network *network, int64_t rows, float *memory, float *gradients) {
  training_tasks tasks = {.pass = make_pass(network, rows, memory), .update = {.g = gradients}};
  run_weights(pool, &tasks);
}

void ck_training_step(
    ck_pool *pool, const ck_network *network, int64_t rows, float *memory, const ck_adam *adam,
    const float *coupled_decays, float *parameters, float *first_moments, float *second_moments) {
  training_tasks tasks = {
      .pass = make_pass(network, rows, memory),
      .update = {.adam = ck_adam_factors(adam), .p = parameters, .m = first_moments, .v = second_moments},
      .coupled_decays = coupled_decays,
  };
  run_weights(pool, &tasks);
}
