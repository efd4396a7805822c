// The register block that all matrix products share.
//
// A variant defines TILE_VECTORS, the widest block in vectors, and STRIP_ROWS(vectors), the tallest block of that
// width whose accumulators fit the registers.

enum { TALLEST_STRIP = 16 };

/// sums[i][j] += Σ_k left[i·left_row + k·left_depth]·right[k·right_stride + j·LANES …], k ascending. Where rows are
/// paired (an even number of them), the last vector of every even row has its sums in the low half and the next row's
/// in the high half, and `right` has the columns in both.
INLINE void accumulate(
    const int rows, const int vectors, const int is_paired, int64_t depth, const float *restrict left,
    int64_t left_row, int64_t left_depth, const float *restrict right, int64_t right_stride,
    floats sums[TALLEST_STRIP][TILE_VECTORS]) {
  const int last = vectors - 1;
  for (int64_t k = 0; k < depth; k++) {
    floats b[TILE_VECTORS], even = splat(0);
    UNROLL for (int j = 0; j < vectors; j++) b[j] = load(right + k * right_stride + j * LANES);
    UNROLL for (int i = 0; i < rows; i++) {
      floats a = splat(left[i * left_row + k * left_depth]);
      UNROLL for (int j = 0; j < vectors - is_paired; j++) sums[i][j] = fmadd(a, b[j], sums[i][j]);
      if (!is_paired) continue;
      if (i % 2 == 0) even = a;
      else sums[i - 1][last] = fmadd(BLEND_HALVES(even, a), b[last], sums[i - 1][last]);
    }
  }
}

INLINE void accumulate_products(
    const int rows, const int vectors, int64_t depth, const float *restrict left, int64_t left_row,
    int64_t left_depth, const float *restrict right, int64_t right_stride, floats sums[TALLEST_STRIP][TILE_VECTORS]) {
  accumulate(rows, vectors, 0, depth, left, left_row, left_depth, right, right_stride, sums);
}

/// How many of the `vectors` left go into the next panel: as many as fit, without leaving a single one.
INLINE int64_t next_panel_vectors(int64_t vectors) {
  if (vectors <= TILE_VECTORS) return vectors;
  return TILE_VECTORS > 2 && vectors == TILE_VECTORS + 1 ? TILE_VECTORS - 1 : TILE_VECTORS;
}

#if TILE_VECTORS == 2
#define FOR_EACH_WIDTH(DO) DO(1) DO(2)
#elif TILE_VECTORS == 3
#define FOR_EACH_WIDTH(DO) DO(1) DO(2) DO(3)
#else
#define FOR_EACH_WIDTH(DO) DO(1) DO(2) DO(3) DO(4)
#endif

/// Covers `count` rows from n = 0 on with STRIP(height, vectors), the tallest first. Six and two are taken as four and
/// four, twelve and four as eight and eight, and three in one strip where they are the end of twelves, for short strips
/// have too few accumulators to hide the latency of a multiply-add.
#define COVER_ROWS(vectors, count, STRIP)                                                                      \
  const int64_t tallest = STRIP_ROWS(vectors), end = count;                                                    \
  int64_t n = 0;                                                                                               \
  for (; n + tallest <= end && !(tallest == 6 && end - n == 8) && !(tallest == 12 && end - n == 16); n += tallest) \
    STRIP(STRIP_ROWS(vectors), vectors);                                                                       \
  for (; tallest == 12 && n + 8 <= end; n += 8) STRIP(8, vectors);                                             \
  for (; n + 4 <= end; n += 4) STRIP(4, vectors);                                                              \
  for (; tallest == 12 && n + 3 <= end; n += 3) STRIP(3, vectors);                                             \
  for (; n + 2 <= end; n += 2) STRIP(2, vectors);                                                              \
  for (; n < end; n++) STRIP(1, vectors);

/// Memory that is written or read after a sum of products, to be fetched a few lines at a time while the products are
/// formed: all at once they would hold up the operands' loads.
typedef struct {
  const char *next;
  int64_t lines;  ///< left to fetch
} fetch_plan;

enum { LINE_BYTES = 64, LINE_FLOATS = LINE_BYTES / sizeof(float) };

/// A plan for `count` floats from `first` on; NULL: nothing.
INLINE fetch_plan plan_fetch(const float *first, int64_t count) {
  return (fetch_plan){(const char *)first, first ? (count + LINE_FLOATS - 1) / LINE_FLOATS : 0};
}

/// Fetches the next `lines` lines of a plan.
INLINE void fetch_lines(fetch_plan *plan, int64_t lines) {
  if (lines > plan->lines) lines = plan->lines;
  plan->lines -= lines;
  for (; lines > 0; lines--, plan->next += LINE_BYTES) __builtin_prefetch(plan->next, 1);
}

/// Several plans, one after another.
typedef struct {
  fetch_plan *plans;
  int64_t count;  ///< with the first
} fetch_list;

INLINE void fetch_lines_of(fetch_list *list, int64_t lines) {
  if (list->count == 0) return;
  fetch_lines(list->plans, lines);
  if (list->plans->lines == 0) {
    list->plans++;
    list->count--;
  }
}

// MARK: - Feature-major layers

/// One layer on a tile of vectors·LANES rows that lie side by side in the lanes:
/// y[o][row] = activation(bias[o] + Σ_i weights[o·inputs + i]·x[i][row]).
typedef struct {
  int64_t inputs, outputs;
  const float *weights, *bias;  ///< bias NULL: 0
  const float *x;               ///< [inputs][vectors·LANES]
  float *y;                     ///< [outputs][vectors·LANES]
  activation_loop activation;   ///< NULL: identity
  /// Where training keeps the activation's derivative [outputs][vectors·LANES], by this loop instead; NULL: nowhere.
  float *derivative;
  derivative_loop activation_and_derivative;
  /// What is written after the layer, to be fetched meanwhile.
  fetch_list kept;
  /// Whether the weights are far away, and fetched a strip ahead. Where they are near that costs a twentieth.
  int32_t fetches_weights;
  /// Whether the chains go on from what `y` holds, instead of from the bias.
  int32_t accumulates;
} tile_layer;

/// How a layer ends: by a call on the finished strip, or, of the common activations, in the registers.
enum { LAYER_CALL, LAYER_SILU, LAYER_RELU, LAYER_RELU_AND_SLOPE };

INLINE void layer_strip(
    const int rows, const int vectors, const int ending, const tile_layer *layer, int64_t output,
    fetch_list *kept) {
  const int64_t width = vectors * LANES;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  UNROLL for (int i = 0; i < rows; i++) {
    floats start = splat(layer->bias ? layer->bias[output + i] : 0);
    UNROLL for (int j = 0; j < vectors; j++) sums[i][j] = start;
  }
  if (layer->accumulates) {
    FOR_EACH_VECTOR(i, j) sums[i][j] = load(layer->y + (output + i) * width + j * LANES);
  }
  // In pieces of one cache line of every row of weights, while the same line of the next strip's rows is fetched.
  const int64_t inputs = layer->inputs;
  const float *weights = layer->weights + output * inputs;
  fetch_plan derivative = plan_fetch(layer->derivative ? layer->derivative + output * width : NULL, rows * width);
  int64_t k = 0;
  for (; k + LINE_FLOATS <= inputs; k += LINE_FLOATS) {
    if (layer->fetches_weights) {
      UNROLL for (int i = 0; i < rows; i++) __builtin_prefetch(weights + (rows + i) * inputs + k);
    }
    fetch_lines(&derivative, 3);
    fetch_lines_of(kept, 3);
    accumulate_products(rows, vectors, LINE_FLOATS, weights + k, inputs, 1, layer->x + k * width, width, sums);
  }
  accumulate_products(rows, vectors, inputs - k, weights + k, inputs, 1, layer->x + k * width, width, sums);
  float *y = layer->y + output * width;
  FOR_EACH_VECTOR(i, j) {
    floats x = sums[i][j];
    const int64_t place = i * width + j * LANES;
    if (ending == LAYER_RELU_AND_SLOPE)
      store(layer->derivative + output * width + place, activation_derivative(CK_RELU, x));
    if (ending == LAYER_SILU) x = activate(CK_SILU, x);
    else if (ending != LAYER_CALL) x = activate(CK_RELU, x);
    store(y + place, x);
  }
  if (ending != LAYER_CALL) return;
  // One call for the strip, which lies in one piece in the first-level cache: hardly slower than in the registers.
  if (layer->derivative)
    layer->activation_and_derivative(rows * width, y, y, layer->derivative + output * width);
  else if (layer->activation)
    layer->activation(rows * width, y, y);
}

#define DEFINE_LAYER(vectors)                                                                                  \
  NOINLINE void silu_layer_##vectors(const tile_layer *layer) {                                                \
    fetch_list kept = layer->kept;                                                                             \
    COVER_ROWS(vectors, layer->outputs, SILU_STRIP)                                                            \
  }                                                                                                            \
  NOINLINE void relu_layer_##vectors(const tile_layer *layer) {                                                \
    fetch_list kept = layer->kept;                                                                             \
    COVER_ROWS(vectors, layer->outputs, RELU_STRIP)                                                            \
  }                                                                                                            \
  NOINLINE void relu_and_slope_layer_##vectors(const tile_layer *layer) {                                      \
    fetch_list kept = layer->kept;                                                                             \
    COVER_ROWS(vectors, layer->outputs, RELU_AND_SLOPE_STRIP)                                                  \
  }                                                                                                            \
  NOINLINE void layer_##vectors(const tile_layer *layer) {                                                     \
    if (layer->activation == activation_loops[CK_SILU] && !layer->derivative)                                  \
      return silu_layer_##vectors(layer);                                                                      \
    if (layer->activation == activation_loops[CK_RELU] && !layer->derivative)                                  \
      return relu_layer_##vectors(layer);                                                                      \
    if (layer->derivative && layer->activation_and_derivative == derivative_loops[CK_RELU])                    \
      return relu_and_slope_layer_##vectors(layer);                                                            \
    fetch_list kept = layer->kept;                                                                             \
    COVER_ROWS(vectors, layer->outputs, LAYER_STRIP)                                                           \
  }
#define LAYER_STRIP(height, vectors) layer_strip(height, vectors, LAYER_CALL, layer, n, &kept)
#define SILU_STRIP(height, vectors) layer_strip(height, vectors, LAYER_SILU, layer, n, &kept)
#define RELU_STRIP(height, vectors) layer_strip(height, vectors, LAYER_RELU, layer, n, &kept)
#define RELU_AND_SLOPE_STRIP(height, vectors) layer_strip(height, vectors, LAYER_RELU_AND_SLOPE, layer, n, &kept)
FOR_EACH_WIDTH(DEFINE_LAYER)
#undef DEFINE_LAYER

#define ENTRY(vectors) [vectors] = layer_##vectors,
static void (*const layer_kernels[TILE_VECTORS + 1])(const tile_layer *layer) = {FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY
