// Matrix products of row-major operands: the right operand is packed into panels of up to TILE_VECTORS vectors, the
// left one is broadcast from where it lies. Or, where there are few rows for the size of the weights, the rows are
// turned into the lanes and the weights are broadcast: that moves less.

/// Depth of one packed block: bounds the memory of a panel to the caches. The chains go on across blocks.
enum { BLOCK_DEPTH = 512 };
/// Rows and columns of one block, so that the operands of the inner loops stay in the second-level cache.
enum { BLOCK_ROWS = 240, BLOCK_COLUMNS = 480 };

/// Whether the last vector of a panel, where at most half of it exists, serves two rows at once: the columns stand in
/// both of its halves, and the sums of an even row and of the next one in one vector. Narrow vectors lose little.
enum { PAIRS_ROWS = LANES == 16 };

/// Whether a panel's last vector serves two rows at once.
INLINE int has_paired_rows(int64_t vectors, int64_t columns) {
  return PAIRS_ROWS && vectors > 1 && columns - (vectors - 1) * LANES <= LANES / 2;
}

/// How a panel's activation is applied: the common ones in the registers, the others by a call on the finished strip.
enum { EPILOGUE_NONE, EPILOGUE_RELU, EPILOGUE_SILU, EPILOGUE_CALL, EPILOGUE_COUNT };

INLINE int epilogue_of(int32_t activation) {
  switch (activation) {
    case CK_IDENTITY: return EPILOGUE_NONE;
    case CK_RELU: return EPILOGUE_RELU;
    case CK_SILU: return EPILOGUE_SILU;
    default: return EPILOGUE_CALL;
  }
}

INLINE floats apply_epilogue(const int epilogue, floats x) {
  if (epilogue == EPILOGUE_RELU) return activate(CK_RELU, x);
  if (epilogue == EPILOGUE_SILU) return activate(CK_SILU, x);
  return x;
}

/// The rows of a product against one panel of the right operand.
typedef struct {
  int64_t rows, depth, columns;  ///< columns: 1...vectors·LANES
  const float *left;
  int64_t left_row, left_depth;
  const float *panel;            ///< [depth][panel_stride], zeros behind `columns`, or these again (see PAIRS_ROWS)
  int64_t panel_stride;
  const float *start;            ///< NULL: 0
  int64_t start_stride;
  float *out, *y;
  int64_t out_stride;
  int32_t activation;            ///< identity: `y` is not written
} panel_product;

/// Stores rows of `vectors` vectors, the last one with `valid` lanes.
INLINE void store_strip(
    const int rows, const int vectors, floats strip[TALLEST_STRIP][TILE_VECTORS], int64_t valid, float *to,
    int64_t stride) {
  FOR_EACH_VECTOR(i, j) {
    if (j < vectors - 1 || valid == LANES) store(to + i * stride + j * LANES, strip[i][j]);
    else store_first(to + i * stride + j * LANES, strip[i][j], valid);
  }
}

/// The sum of products in chunks of one cache line of each left row.
INLINE void accumulate_strip(
    const int rows, const int vectors, const int is_paired, const panel_product *task, int64_t row,
    floats sums[TALLEST_STRIP][TILE_VECTORS]) {
  enum { LINE = 16 };
  const int64_t left_row = task->left_row, left_depth = task->left_depth, stride = task->panel_stride;
  const float *left = task->left + row * left_row, *panel = task->panel;
  int64_t k = 0, depth = task->depth;
  for (; left_depth == 1 && k + LINE <= depth; k += LINE, left += LINE, panel += LINE * stride) {
    accumulate(rows, vectors, is_paired, LINE, left, left_row, 1, panel, stride, sums);
  }
  accumulate(rows, vectors, is_paired, depth - k, left, left_row, left_depth, panel, stride, sums);
}

/// The last vectors of pairs of rows, which one vector held, into one of each row.
INLINE void part_rows(const int rows, const int vectors, floats strip[TALLEST_STRIP][TILE_VECTORS]) {
  UNROLL for (int i = 0; i < rows; i += 2) strip[i + 1][vectors - 1] = HIGH_HALF(strip[i][vectors - 1]);
}

INLINE void panel_strip(
    const int rows, const int vectors, const int epilogue, const int has_pairs, const panel_product *task,
    int64_t row) {
  const int is_paired = has_pairs && rows % 2 == 0;
  const int64_t last = (vectors - 1) * LANES, valid = task->columns - last, stride = task->out_stride;
  float *out = task->out + row * stride, *y = task->y + row * stride;
  const int is_kept = epilogue != EPILOGUE_NONE && out != y;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  UNROLL for (int i = 0; i < rows; i++) {
    const float *start = task->start + (row + i) * task->start_stride;
    UNROLL for (int j = 0; j < vectors; j++) {
      if (!task->start) sums[i][j] = splat(0);
      else sums[i][j] = j < vectors - 1 || valid == LANES ? load(start + j * LANES) : load_first(start + last, valid);
    }
  }
  // The result's lines arrive while the products are formed, if that takes long enough to be worth it.
  if (task->depth >= 100) {
    FOR_EACH_VECTOR(i, j) __builtin_prefetch(y + i * stride + j * LANES, 1);
    if (is_kept) {
      FOR_EACH_VECTOR(i, j) __builtin_prefetch(out + i * stride + j * LANES, 1);
    }
  }
  if (is_paired) {
    UNROLL for (int i = 0; i < rows; i += 2)
      sums[i][vectors - 1] = JOIN_HALVES(sums[i][vectors - 1], sums[i + 1][vectors - 1]);
  }
  accumulate_strip(rows, vectors, is_paired, task, row, sums);
  if (is_paired && (is_kept || epilogue == EPILOGUE_NONE || epilogue == EPILOGUE_CALL)) part_rows(rows, vectors, sums);
  if (is_kept || epilogue == EPILOGUE_NONE) store_strip(rows, vectors, sums, valid, out, stride);
  if (epilogue == EPILOGUE_NONE) return;
  if (epilogue == EPILOGUE_CALL) {
    // One call for the whole strip, which lies in the first-level cache.
    floats strip[TALLEST_STRIP * TILE_VECTORS];
    FOR_EACH_VECTOR(i, j) strip[i * vectors + j] = sums[i][j];
    activation_loops[task->activation](rows * vectors * LANES, (float *)strip, (float *)strip);
    FOR_EACH_VECTOR(i, j) sums[i][j] = strip[i * vectors + j];
  } else {
    FOR_EACH_VECTOR(i, j) {
      const int is_there = !is_paired || j < vectors - 1 || i % 2 == 0;
      if (is_there) sums[i][j] = apply_epilogue(epilogue, sums[i][j]);
    }
    if (is_paired) part_rows(rows, vectors, sums);
  }
  store_strip(rows, vectors, sums, valid, y, stride);
}

#define DEFINE_PANEL(vectors, epilogue)                                                                        \
  NOINLINE void panel_##vectors##_##epilogue(const panel_product *task) {                                      \
    const int kind = epilogue;                                                                                 \
    if (has_paired_rows(vectors, task->columns)) {                                                             \
      const int has_pairs = 1;                                                                                 \
      COVER_ROWS(vectors, task->rows, PANEL_STRIP)                                                             \
    } else {                                                                                                   \
      const int has_pairs = 0;                                                                                 \
      COVER_ROWS(vectors, task->rows, PANEL_STRIP)                                                             \
    }                                                                                                          \
  }
#define PANEL_STRIP(height, vectors) panel_strip(height, vectors, kind, has_pairs, task, n)
#define DEFINE_PANELS(vectors)                                                                                 \
  DEFINE_PANEL(vectors, EPILOGUE_NONE)                                                                         \
  DEFINE_PANEL(vectors, EPILOGUE_RELU)                                                                         \
  DEFINE_PANEL(vectors, EPILOGUE_SILU)                                                                         \
  DEFINE_PANEL(vectors, EPILOGUE_CALL)
FOR_EACH_WIDTH(DEFINE_PANELS)
#undef DEFINE_PANELS
#undef DEFINE_PANEL

#define ENTRIES(vectors)                                                                                       \
  [vectors] = {                                                                                                \
      panel_##vectors##_EPILOGUE_NONE, panel_##vectors##_EPILOGUE_RELU, panel_##vectors##_EPILOGUE_SILU,       \
      panel_##vectors##_EPILOGUE_CALL},
static void (*const panel_kernels[TILE_VECTORS + 1][EPILOGUE_COUNT])(const panel_product *task) = {
    FOR_EACH_WIDTH(ENTRIES)};
#undef ENTRIES

/// How many vectors the next panel of `columns` columns has. A last one that pairs rows is best three wide: of two, too
/// few sums are formed for the numbers that are loaded.
INLINE int64_t next_product_panel(int64_t columns) {
  const int64_t vectors = (columns + LANES - 1) / LANES, before = vectors - 3;
  if (TILE_VECTORS != 3 || before <= 0 || !has_paired_rows(vectors, columns)) return next_panel_vectors(vectors);
  return before % 3 == 0 ? 3 : 2;
}

/// Packs right(k, n) for `depth` k from `first_k` on and `columns` n from `first_column` on into one panel.
static void pack_panel(
    const product *block, int64_t first_k, int64_t depth, int64_t first_column, int64_t columns, int64_t vectors,
    float *panel) {
  int64_t width = vectors * LANES, stride = block->right_stride;
  if (block->right_is_transposed) {
    transpose(columns, depth, block->right + first_column * stride + first_k, stride, panel, width, width);
    if (has_paired_rows(vectors, columns))
      for (int64_t k = 0; k < depth; k++) {
        float *end = panel + k * width + width - LANES;
        store(end, JOIN_HALVES(load(end), load(end)));
      }
    return;
  }
  const float *from = block->right + first_k * stride + first_column;
  int64_t last = (vectors - 1) * LANES;
  const int is_paired = has_paired_rows(vectors, columns);
  for (int64_t k = 0; k < depth; k++, from += stride, panel += width) {
    for (int64_t n = 0; n < last; n += LANES) store(panel + n, load(from + n));
    floats end = load_first(from + last, columns - last);
    store(panel + last, is_paired ? JOIN_HALVES(end, end) : end);
  }
}

/// The panels of a block of columns, one after another.
typedef struct {
  int64_t vectors, width;  ///< of this panel; width: columns that exist
  int64_t column;          ///< its first column in the block
  float *packed;           ///< where it is packed
} panel_cursor;

static int next_panel(panel_cursor *cursor, int64_t columns, int64_t depth) {
  cursor->packed += depth * cursor->vectors * LANES;
  cursor->column += cursor->width;
  int64_t left = columns - cursor->column;
  if (left <= 0) return 0;
  cursor->vectors = next_product_panel(left);
  cursor->width = left < cursor->vectors * LANES ? left : cursor->vectors * LANES;
  return 1;
}

/// Whether a panel is read where it lies: packing pays only where many rows use it.
static int is_used_in_place(const product *block, const panel_cursor *panel) {
  enum { FEW_ROWS = 64 };
  return !block->right_is_transposed && block->rows <= FEW_ROWS && panel->width == panel->vectors * LANES;
}

/// The product over all rows and `depth` k for `columns` columns from `first_column` on.
static void multiply_packed_block(
    const product *block, int64_t first_k, int64_t depth, int64_t first_column, int64_t columns, float *packed) {
  int64_t is_first = first_k == 0, is_last = first_k + depth == block->depth;
  for (panel_cursor panel = {.packed = packed}; next_panel(&panel, columns, depth);)
    if (!is_used_in_place(block, &panel))
      pack_panel(
          block, first_k, depth, first_column + panel.column, panel.width, panel.vectors, panel.packed);
  const float *start = is_first ? block->start : block->out;
  int64_t start_stride = is_first ? block->start_stride : block->out_stride;
  for (int64_t row = 0; row < block->rows; row += BLOCK_ROWS) {
    for (panel_cursor panel = {.packed = packed}; next_panel(&panel, columns, depth);) {
      int64_t column = first_column + panel.column;
      int in_place = is_used_in_place(block, &panel);
      panel_product task = {
          .rows = block->rows - row < BLOCK_ROWS ? block->rows - row : BLOCK_ROWS,
          .depth = depth, .columns = panel.width,
          .left = block->left + row * block->left_row + first_k * block->left_depth,
          .left_row = block->left_row, .left_depth = block->left_depth,
          .panel = in_place ? block->right + first_k * block->right_stride + column : panel.packed,
          .panel_stride = in_place ? block->right_stride : panel.vectors * LANES,
          .start = start ? start + row * start_stride + column : NULL, .start_stride = start_stride,
          .out = block->out + row * block->out_stride + column,
          .y = block->y + row * block->out_stride + column, .out_stride = block->out_stride,
          .activation = is_last ? block->activation : CK_IDENTITY,
      };
      panel_kernels[panel.vectors][epilogue_of(task.activation)](&task);
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
    // Where the values before the activation are kept, it follows them; else it goes with the layer.
    int is_kept = block->activation != CK_IDENTITY && block->out != block->y;
    tile_layer layer = {
        block->depth, block->columns, block->right, block->start, input, output,
        is_kept || block->activation == CK_IDENTITY ? NULL : activation_loops[block->activation],
        .fetches_weights = row == 0};
    layer_kernels[vectors](&layer);
    int64_t offset = row * block->out_stride;
    transpose(block->columns, rows, output, width, block->out + offset, block->out_stride, block->columns);
    for (int64_t r = 0; is_kept && r < rows; r++, offset += block->out_stride)
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
