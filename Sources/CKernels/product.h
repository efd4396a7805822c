// Matrix products of row-major operands: the right operand is packed into panels of up to TILE_VECTORS vectors, the
// left one is broadcast from where it lies. Or, where there are few rows for the size of the weights, the rows are
// turned into the lanes and the weights are broadcast: that moves less.

/// Depth of one packed block: bounds the memory of a panel to the caches. The chains go on across blocks.
enum { BLOCK_DEPTH = 256 };
/// Rows and columns of one block, so that the operands of the inner loops stay in the second-level cache.
enum { BLOCK_ROWS = 240, BLOCK_COLUMNS = 480 };

/// The rows of a product against one packed panel.
typedef struct {
  int64_t rows, depth, columns;  ///< columns: 1...vectors·LANES
  const float *left;
  int64_t left_row, left_depth;
  const float *panel;            ///< [depth][vectors·LANES], zeros behind `columns`
  const float *start;            ///< NULL: 0
  int64_t start_stride;
  float *out, *y;
  int64_t out_stride;
  activation_loop activation;    ///< NULL: none
} panel_product;

INLINE void panel_strip(const int rows, const int vectors, const panel_product *task, int64_t row) {
  const int64_t last = (vectors - 1) * LANES, valid = task->columns - last;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  UNROLL for (int i = 0; i < rows; i++) {
    const float *start = task->start + (row + i) * task->start_stride;
    UNROLL for (int j = 0; j < vectors; j++) {
      if (!task->start) sums[i][j] = splat(0);
      else sums[i][j] = j < vectors - 1 || valid == LANES ? load(start + j * LANES) : load_first(start + last, valid);
    }
  }
  // The result's lines arrive while the products are formed.
  for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < vectors; j++)
      __builtin_prefetch(task->out + (row + i) * task->out_stride + j * LANES, 1);
  accumulate_products(
      rows, vectors, task->depth, task->left + row * task->left_row, task->left_row, task->left_depth, task->panel,
      vectors * LANES, sums);
  float *out = task->out + row * task->out_stride;
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < vectors; j++) {
      if (j < vectors - 1 || valid == LANES) store(out + i * task->out_stride + j * LANES, sums[i][j]);
      else store_first(out + i * task->out_stride + last, sums[i][j], valid);
    }
  }
  if (!task->activation) return;
  for (int i = 0; i < rows; i++) {
    int64_t offset = (row + i) * task->out_stride;
    task->activation(task->columns, task->out + offset, task->y + offset);
  }
}

#define DEFINE_PANEL(vectors)                                                                                  \
  NOINLINE void panel_##vectors(const panel_product *task) {                                                   \
    int64_t row = 0, rows = task->rows;                                                                        \
    for (; row + STRIP_ROWS(vectors) <= rows; row += STRIP_ROWS(vectors))                                      \
      panel_strip(STRIP_ROWS(vectors), vectors, task, row);                                                    \
    for (; row + 4 <= rows; row += 4) panel_strip(4, vectors, task, row);                                      \
    for (; row < rows; row++) panel_strip(1, vectors, task, row);                                              \
  }
FOR_EACH_WIDTH(DEFINE_PANEL)
#undef DEFINE_PANEL

#define ENTRY(vectors) [vectors] = panel_##vectors,
static void (*const panel_of_width[TILE_VECTORS + 1])(const panel_product *task) = {FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY

/// Packs right(k, n) for `depth` k from `first_k` on and `columns` n from `first_column` on into one panel.
static void pack_panel(
    const product *block, int64_t first_k, int64_t depth, int64_t first_column, int64_t columns, int64_t vectors,
    float *panel) {
  int64_t width = vectors * LANES, stride = block->right_stride;
  if (block->right_is_transposed) {
    transpose(columns, depth, block->right + first_column * stride + first_k, stride, panel, width, width);
    return;
  }
  const float *from = block->right + first_k * stride + first_column;
  int64_t last = (vectors - 1) * LANES;
  for (int64_t k = 0; k < depth; k++, from += stride, panel += width) {
    for (int64_t n = 0; n < last; n += LANES) store(panel + n, load(from + n));
    store(panel + last, load_first(from + last, columns - last));
  }
}

/// The product over all rows and `depth` k for `columns` columns from `first_column` on.
static void multiply_packed_block(
    const product *block, int64_t first_k, int64_t depth, int64_t first_column, int64_t columns, float *packed) {
  int64_t is_first = first_k == 0, is_last = first_k + depth == block->depth;
  int64_t all_vectors = (columns + LANES - 1) / LANES;
  float *panel = packed;
  for (int64_t done = 0, vectors; done < all_vectors; done += vectors, panel += depth * vectors * LANES) {
    vectors = next_panel_vectors(all_vectors - done);
    int64_t width = columns - done * LANES < vectors * LANES ? columns - done * LANES : vectors * LANES;
    pack_panel(block, first_k, depth, first_column + done * LANES, width, vectors, panel);
  }
  for (int64_t row = 0; row < block->rows; row += BLOCK_ROWS) {
    panel = packed;
    for (int64_t done = 0, vectors; done < all_vectors; done += vectors, panel += depth * vectors * LANES) {
      vectors = next_panel_vectors(all_vectors - done);
      int64_t column = first_column + done * LANES;
      const float *start = is_first ? block->start : block->out;
      int64_t start_stride = is_first ? block->start_stride : block->out_stride;
      panel_product task = {
          .rows = block->rows - row < BLOCK_ROWS ? block->rows - row : BLOCK_ROWS,
          .depth = depth,
          .columns = columns - done * LANES < vectors * LANES ? columns - done * LANES : vectors * LANES,
          .left = block->left + row * block->left_row + first_k * block->left_depth,
          .left_row = block->left_row,
          .left_depth = block->left_depth,
          .panel = panel,
          .start = start ? start + row * start_stride + column : NULL,
          .start_stride = start_stride,
          .out = block->out + row * block->out_stride + column,
          .y = block->y + row * block->out_stride + column,
          .out_stride = block->out_stride,
          .activation =
              is_last && block->activation != CK_IDENTITY ? activation_loops[block->activation] : NULL,
      };
      panel_of_width[vectors](&task);
    }
  }
}

static void multiply_packed(const product *block) {
  int64_t parts = block->depth > BLOCK_DEPTH ? (block->depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH : 1;
  int64_t part_depth = (block->depth + parts - 1) / parts;
  int64_t widest = block->columns < BLOCK_COLUMNS ? (block->columns + LANES - 1) / LANES * LANES : BLOCK_COLUMNS;
  float *packed = ck_scratch(part_depth * widest);
  for (int64_t column = 0; column < block->columns; column += BLOCK_COLUMNS) {
    int64_t columns = block->columns - column < BLOCK_COLUMNS ? block->columns - column : BLOCK_COLUMNS;
    for (int64_t part = 0; part < parts; part++) {
      int64_t first_k = part * part_depth;
      int64_t depth = block->depth - first_k < part_depth ? block->depth - first_k : part_depth;
      multiply_packed_block(block, first_k, depth, column, columns, packed);
    }
  }
}

/// For right = Wᵀ, left row-major and start = bias: tiles of rows in the lanes.
static void multiply_with_rows_in_lanes(const product *block) {
  float *input = ck_scratch((block->depth + block->columns) * TILE_VECTORS * LANES);
  float *output = input + block->depth * TILE_VECTORS * LANES;
  for (int64_t row = 0; row < block->rows;) {
    int64_t vectors = next_panel_vectors((block->rows - row + LANES - 1) / LANES), width = vectors * LANES;
    int64_t rows = block->rows - row < width ? block->rows - row : width;
    transpose(rows, block->depth, block->left + row * block->left_row, block->left_row, input, width, width);
    tile_layer layer = {block->depth, block->columns, block->right, block->start, input, output, NULL};
    layer_of_width[vectors](&layer);
    int64_t offset = row * block->out_stride;
    transpose(block->columns, rows, output, width, block->out + offset, block->out_stride, block->columns);
    if (block->activation != CK_IDENTITY)
      for (int64_t r = 0; r < rows; r++, offset += block->out_stride)
        activation_loops[block->activation](block->columns, block->out + offset, block->y + offset);
    row += rows;
  }
}

static void multiply_variant(const product *block) {
  // In units of one pass over the weights: packing them costs about as much as five rows of products, moving the rows
  // to the lanes and back about five passes over both.
  double padded = (double)((block->rows + LANES - 1) / LANES * LANES), weights = (double)block->depth * block->columns;
  double moved = (double)block->rows * (block->depth + block->columns) * 5;
  int is_layer = block->right_is_transposed && block->left_depth == 1 && block->start_stride == 0
                 && block->right_stride == block->depth;
  if (is_layer && block->depth <= 1024 && weights * padded + moved < weights * (block->rows + 5))
    multiply_with_rows_in_lanes(block);
  else
    multiply_packed(block);
}

/// Four vectors of columns at a time, each a chain down the rows.
static void column_sums_variant(
    int64_t rows, int64_t columns, const float *x, int64_t stride, int32_t accumulate, float *sums) {
  int64_t n = 0;
  for (; n + 4 * LANES <= columns; n += 4 * LANES) {
    floats sum[4];
    UNROLL for (int j = 0; j < 4; j++) sum[j] = accumulate ? load(sums + n + j * LANES) : splat(0);
    for (int64_t r = 0; r < rows; r++)
      UNROLL for (int j = 0; j < 4; j++) sum[j] += load(x + r * stride + n + j * LANES);
    UNROLL for (int j = 0; j < 4; j++) store(sums + n + j * LANES, sum[j]);
  }
  for (; n < columns; n += LANES) {
    int64_t count = columns - n < LANES ? columns - n : LANES;
    floats sum = accumulate ? load_first(sums + n, count) : splat(0);
    for (int64_t r = 0; r < rows; r++) sum += load_first(x + r * stride + n, count);
    store_first(sums + n, sum, count);
  }
}
