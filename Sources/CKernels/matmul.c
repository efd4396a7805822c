// The layers' matrix products: cut into independent blocks of the result for the pool. No sum is ever cut, so the
// result does not depend on the threads.
#include "kernels.h"

/// A product over a batch, as tasks of (member or all members, block of rows, block of columns).
typedef struct {
  /// The product of member 0; `start` is not used here.
  product whole;
  int64_t batch, left_stride, right_stride, bias_stride, out_stride;
  const float *bias;
  int32_t accumulate;
  /// Where all members add to one result, every task takes its block through all of them in order.
  int32_t is_chained;
  /// Column sums of the left operand's rows, with the first block of columns; NULL: none.
  float *sums;
  int64_t sums_stride;
  int64_t row_blocks, column_blocks;
} batch_product;

/// Boundary `part` of `parts` equal parts of `count`, on a multiple of `unit`.
static int64_t boundary(int64_t count, int64_t unit, int64_t part, int64_t parts) {
  int64_t units = (count + unit - 1) / unit, at = units * part / parts * unit;
  return at < count ? at : count;
}

/// Units that fill the vectors and strips of every variant.
enum { ROW_UNIT = 24, COLUMN_UNIT = 16 };

static void multiply_block(
    const batch_product *task, int64_t member, int64_t row, int64_t row_end, int64_t column, int64_t column_end) {
  product block = task->whole;
  float *out = block.out + member * task->out_stride;
  block.rows = row_end - row;
  block.columns = column_end - column;
  block.left += member * task->left_stride + row * block.left_row;
  block.right += member * task->right_stride + column * (block.right_is_transposed ? block.right_stride : 1);
  block.out = out + row * block.out_stride + column;
  block.y += member * task->out_stride + row * block.out_stride + column;
  if (task->accumulate || (task->out_stride == 0 && member > 0)) {
    block.start = block.out;
    block.start_stride = block.out_stride;
  } else {
    block.start = task->bias ? task->bias + member * task->bias_stride + column : NULL;
    block.start_stride = 0;
  }
  ck_kernels()->multiply(&block);
}

static void run_task(void *context, int64_t number, int32_t worker) {
  const batch_product *task = context;
  (void)worker;
  int64_t blocks = task->row_blocks * task->column_blocks;
  int64_t row_block = number % blocks / task->column_blocks, column_block = number % task->column_blocks;
  int64_t row = boundary(task->whole.rows, ROW_UNIT, row_block, task->row_blocks);
  int64_t row_end = boundary(task->whole.rows, ROW_UNIT, row_block + 1, task->row_blocks);
  int64_t column = boundary(task->whole.columns, COLUMN_UNIT, column_block, task->column_blocks);
  int64_t column_end = boundary(task->whole.columns, COLUMN_UNIT, column_block + 1, task->column_blocks);
  int64_t member = task->is_chained ? 0 : number / blocks, end = task->is_chained ? task->batch : member + 1;
  for (; member < end; member++) {
    multiply_block(task, member, row, row_end, column, column_end);
    if (task->sums && column_block == 0) {
      int32_t accumulate = task->accumulate || (task->sums_stride == 0 && member > 0);
      const float *left = task->whole.left + member * task->left_stride + row;
      ck_kernels()->column_sums(
          task->whole.depth, row_end - row, left, task->whole.left_depth, accumulate,
          task->sums + member * task->sums_stride + row);
    }
  }
}

static int64_t at_least_one(int64_t x) { return x > 1 ? x : 1; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/// Chooses the blocks and runs them.
static void run_batch(ck_pool *pool, batch_product *task) {
  const product *whole = &task->whole;
  if (task->batch < 1 || whole->rows < 1 || whole->columns < 1) return;
  int64_t members = task->is_chained ? 1 : task->batch, threads = ck_pool_threads(pool);
  double work = (double)task->batch * (double)whole->rows * (double)whole->columns * (double)whole->depth;
  task->row_blocks = task->column_blocks = 1;
  // Below some microseconds of work another thread is not worth waking.
  if (threads == 1 || work < 100000) {
    for (int64_t number = 0; number < members; number++) run_task(task, number, 0);
    return;
  }
  // Four tasks per thread even out what else the machine does; small ones only cost.
  int64_t wanted = smaller(4 * threads, at_least_one((int64_t)(work / 500000)));
  wanted = (wanted > threads ? wanted : threads);
  int64_t per_member = (wanted + members - 1) / members;
  // Blocks of rows each pack the right operand again, so they have to be tall; columns divide it.
  task->row_blocks = smaller(per_member, at_least_one(whole->rows / 256));
  task->column_blocks =
      smaller((per_member + task->row_blocks - 1) / task->row_blocks, at_least_one(whole->columns / 48));
  // Few blocks come out even, or a thread has nothing to do at the end.
  int64_t blocks = members * task->row_blocks;
  if (blocks < threads && blocks * task->column_blocks > threads)
    task->column_blocks -= task->column_blocks % ((threads + blocks - 1) / blocks);
  ck_pool_run(pool, members * task->row_blocks * task->column_blocks, run_task, task);
}

void ck_linear(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *x, int64_t x_stride,
    const float *w, int64_t w_stride, const float *bias, int64_t bias_stride, int32_t activation, float *z, float *y) {
  batch_product task = {
      .whole = {
          .rows = rows, .columns = outputs, .depth = inputs,
          .left = x, .left_row = inputs, .left_depth = 1,
          .right = w, .right_stride = inputs, .right_is_transposed = 1,
          .out = z && activation != CK_IDENTITY ? z : y, .y = y, .out_stride = outputs, .activation = activation,
      },
      .batch = batch, .left_stride = x_stride, .right_stride = w_stride, .out_stride = rows * outputs,
      .bias = bias, .bias_stride = bias_stride,
  };
  run_batch(pool, &task);
  if (z && activation == CK_IDENTITY && z != y)
    __builtin_memcpy(z, y, (size_t)(batch * rows * outputs) * sizeof(float));
}

void ck_transpose(int64_t batch, int64_t rows, int64_t columns, const float *x, float *y) {
  for (int64_t member = 0; member < batch; member++, x += rows * columns, y += rows * columns)
    ck_kernels()->transpose(rows, columns, x, columns, y, rows, rows);
}

void ck_linear_input_gradient(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *w,
    int64_t w_stride, float *dx, int64_t dx_stride, int32_t accumulate) {
  batch_product task = {
      .whole = {
          .rows = rows, .columns = inputs, .depth = outputs,
          .left = dz, .left_row = outputs, .left_depth = 1,
          .right = w, .right_stride = inputs,
          .out = dx, .y = dx, .out_stride = inputs,
      },
      .batch = batch, .left_stride = rows * outputs, .right_stride = w_stride, .out_stride = dx_stride,
      .accumulate = accumulate, .is_chained = dx_stride == 0,
  };
  run_batch(pool, &task);
}

void ck_linear_weight_gradient(
    ck_pool *pool, int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *x,
    int64_t x_stride, float *dw, int64_t dw_stride, float *dbias, int64_t dbias_stride, int32_t accumulate) {
  batch_product task = {
      .whole = {
          .rows = outputs, .columns = inputs, .depth = rows,
          .left = dz, .left_row = 1, .left_depth = outputs,
          .right = x, .right_stride = inputs,
          .out = dw, .y = dw, .out_stride = inputs,
      },
      .batch = batch, .left_stride = rows * outputs, .right_stride = x_stride, .out_stride = dw_stride,
      .accumulate = accumulate, .is_chained = dw_stride == 0 || (dbias && dbias_stride == 0),
      .sums = dbias, .sums_stride = dbias_stride,
  };
  run_batch(pool, &task);
}

void ck_block_linear(
    ck_pool *pool, int64_t blocks, int64_t rows, int64_t inputs, int64_t outputs, const float *x, int64_t x_row,
    const float *w, const float *bias, float *y, int64_t y_row, int32_t accumulate) {
  batch_product task = {
      .whole = {
          .rows = rows, .columns = outputs, .depth = inputs,
          .left = x, .left_row = x_row, .left_depth = 1,
          .right = w, .right_stride = inputs, .right_is_transposed = 1,
          .out = y, .y = y, .out_stride = y_row,
      },
      .batch = blocks, .left_stride = inputs, .right_stride = outputs * inputs, .out_stride = outputs,
      .bias = bias, .bias_stride = outputs, .accumulate = accumulate,
  };
  run_batch(pool, &task);
}

void ck_block_linear_input_gradient(
    ck_pool *pool, int64_t blocks, int64_t rows, int64_t inputs, int64_t outputs, const float *dy, int64_t dy_row,
    const float *w, float *dx, int64_t dx_row, int32_t accumulate) {
  batch_product task = {
      .whole = {
          .rows = rows, .columns = inputs, .depth = outputs,
          .left = dy, .left_row = dy_row, .left_depth = 1,
          .right = w, .right_stride = inputs,
          .out = dx, .y = dx, .out_stride = dx_row,
      },
      .batch = blocks, .left_stride = outputs, .right_stride = outputs * inputs, .out_stride = inputs,
      .accumulate = accumulate,
  };
  run_batch(pool, &task);
}

void ck_block_linear_weight_gradient(
    ck_pool *pool, int64_t blocks, int64_t rows, int64_t inputs, int64_t outputs, const float *dy, int64_t dy_row,
    const float *x, int64_t x_row, float *dw, float *dbias, int32_t accumulate) {
  batch_product task = {
      .whole = {
          .rows = outputs, .columns = inputs, .depth = rows,
          .left = dy, .left_row = 1, .left_depth = dy_row,
          .right = x, .right_stride = x_row,
          .out = dw, .y = dw, .out_stride = inputs,
      },
      .batch = blocks, .left_stride = outputs, .right_stride = inputs, .out_stride = outputs * inputs,
      .accumulate = accumulate, .sums = dbias, .sums_stride = outputs,
  };
  run_batch(pool, &task);
}
