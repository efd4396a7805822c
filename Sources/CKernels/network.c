// Whole networks forward, and back where somebody asks for it later: what a tape does with them. A tile of rows goes
// through all layers while it is in cache. Every element is formed in one place, so the threads do not change the
// result.
#include "kernels.h"

#include <string.h>

enum {
  /// Floats before the members' memory: a cache line, which says whose layout it has.
  HEADER = 16,
};

typedef struct {
  const ck_network *network;
  const kernel_table *kernels;
  int64_t rows, padded_rows, width, tiles;
  const float *x, *dy, *parameters;
  float *y, *memory, *dx;
  int64_t x_stride;
  int32_t keeps, is_shared, accumulate_dx;
  int64_t first;
  int32_t member;  ///< the first one that is on its way back
  weight_update update;
} network_task;

static int64_t padded(int64_t rows) { return (rows + WIDEST_TILE - 1) / WIDEST_TILE * WIDEST_TILE; }

int64_t ck_network_memory(const ck_network *network, int64_t rows) {
  return HEADER + network->members * training_member_size(network, padded(rows));
}

static network_task begin(
    const ck_network *network, const kernel_table *kernels, int64_t rows, const float *parameters, float *memory) {
  int64_t narrow = kernels->lanes, width = rows <= narrow ? narrow : narrow < 16 ? 16 : WIDEST_TILE;
  return (network_task){
      .network = network, .kernels = kernels, .rows = rows, .padded_rows = padded(rows), .width = width,
      .tiles = (rows + width - 1) / width, .parameters = parameters, .memory = memory,
  };
}

static member_pass pass_of(const network_task *task, int32_t member) {
  const ck_network *network = task->network;
  int64_t outputs = network->widths[network->layers];
  member_pass pass = {
      .network = network, .member = member, .rows = task->rows, .padded_rows = task->padded_rows,
      .width = task->width, .keeps = task->keeps,
  };
  if (task->memory)
    pass.memory = task->memory + HEADER + member * training_member_size(network, task->padded_rows);
  if (task->x) pass.x = task->x + member * task->x_stride;
  if (task->y) pass.y = task->y + member * task->rows * outputs;
  if (task->dy) pass.dy = task->dy + member * task->rows * outputs;
  return pass;
}

static void forward_tile(void *context, int64_t number, int32_t worker) {
  const network_task *task = context;
  (void)worker;
  const member_pass pass = pass_of(task, (int32_t)(number / task->tiles));
  task->kernels->training_forward(&pass, task->parameters, number % task->tiles);
}

void ck_network_forward(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *x, int64_t x_stride, const float *parameters,
    int32_t keeps, float *memory, float *y) {
  network_task task = begin(network, ck_kernels(), rows, parameters, memory);
  if (memory) memcpy(memory, &task.kernels, sizeof task.kernels);
  task.x = x;
  task.x_stride = x_stride;
  task.y = y;
  task.keeps = keeps;
  ck_pool_run(pool, network->members * task.tiles, forward_tile, &task);
}

static void backward_tile(void *context, int64_t number, int32_t worker) {
  const network_task *task = context;
  (void)worker;
  const member_pass pass = pass_of(task, task->member + (int32_t)(number / task->tiles));
  task->kernels->training_backward(&pass, task->parameters, number % task->tiles);
}

/// The gradients of a tile's inputs: of one member, or of all that share them, one after another, which is the order of
/// the sums.
static void input_tile(void *context, int64_t number, int32_t worker) {
  const network_task *task = context;
  (void)worker;
  int32_t members = task->network->members, first = task->is_shared ? 0 : (int32_t)(number / task->tiles);
  int64_t member_size = task->is_shared ? 0 : task->rows * task->network->widths[0];
  for (int32_t member = first; member < (task->is_shared ? members : first + 1); member++) {
    const member_pass pass = pass_of(task, member);
    task->kernels->training_inputs(
        &pass, task->parameters, number % task->tiles, task->first,
        task->accumulate_dx || (task->is_shared && member > 0), task->dx + member * member_size);
  }
}

static void weight_block(void *context, int64_t number, int32_t worker) {
  const network_task *task = context;
  (void)worker;
  const member_pass pass = pass_of(task, task->member);
  const output_block block = output_block_at(task->network, number);
  task->kernels->training_weights(&pass, &task->update, block.layer, block.first, block.count);
}

void ck_network_backward(
    ck_pool *pool, const ck_network *network, int64_t rows, const float *dy, const float *parameters, float *memory,
    float *gradients, int32_t accumulate_gradients, float *dx, int32_t is_shared, int64_t first,
    int32_t accumulate_dx) {
  // Tiles and panels are those of the kernels that have kept them, whatever is chosen now.
  const kernel_table *kernels;
  memcpy(&kernels, memory, sizeof kernels);
  network_task task = begin(network, kernels, rows, parameters, memory);
  task.dy = dy;
  task.dx = dx;
  task.is_shared = is_shared;
  task.first = first;
  task.accumulate_dx = accumulate_dx;
  if (gradients) {
    // One member after another, so that what is kept is still near when its weights are taken.
    task.update = (weight_update){.g = gradients, .accumulates = accumulate_gradients};
    for (; task.member < network->members; task.member++) {
      ck_pool_run(pool, task.tiles, backward_tile, &task);
      ck_pool_run(pool, blocks_of_all(network), weight_block, &task);
    }
  } else {
    ck_pool_run(pool, network->members * task.tiles, backward_tile, &task);
  }
  if (dx) ck_pool_run(pool, (is_shared ? 1 : network->members) * task.tiles, input_tile, &task);
}
