// Layers on pairs of bfloat16, from PAIRED(product), sum + the product of pairs, and PAIRED(pair), which rounds two
// features to pairs. Included once per way to do these two.

INLINE void PAIRED(strip)(
    const int rows, const int vectors, const int is_silu, const paired_layer *layer, int64_t output) {
  const int64_t width = vectors * LANES;
  floats sums[TALLEST_STRIP][TILE_VECTORS];
  UNROLL for (int i = 0; i < rows; i++) {
    float bias = layer->bias[output + i];
    if (layer->pairs && __builtin_fabsf(bias) < SMALLEST_NORMAL) bias *= 0;
    UNROLL for (int j = 0; j < vectors; j++) sums[i][j] = splat(bias);
  }
  if (layer->pairs) {
    const int64_t depth = (layer->inputs + 1) / 2;
    const uint32_t *restrict left = layer->pairs + output * depth;
    const float *restrict right = layer->x;
    for (int64_t k = 0; k < depth; k++) {
      // The next strip's weights lie behind this one's: they come into the cache while this one is at work.
      if (k % 2 == 0) __builtin_prefetch(left + (depth + k) * rows);
      words b[TILE_VECTORS];
      UNROLL for (int j = 0; j < vectors; j++) b[j] = (words)load(right + k * width + j * LANES);
      UNROLL for (int i = 0; i < rows; i++) {
        words a = (words)left[i * depth + k];
        UNROLL for (int j = 0; j < vectors; j++) sums[i][j] = PAIRED(product)(sums[i][j], a, b[j]);
      }
    }
  } else {
    accumulate_products(
        rows, vectors, layer->inputs, layer->weights + output * layer->inputs, layer->inputs, 1, layer->x, width,
        sums);
  }
  if (layer->gives_pairs) {
    if (is_silu) {
      FOR_EACH_VECTOR(i, j) sums[i][j] = short_silu(sums[i][j]);
    } else if (layer->activation) {
      // In one piece for the activation's loop, in the first-level cache.
      float strip[TALLEST_STRIP * TILE_VECTORS * LANES];
      FOR_EACH_VECTOR(i, j) store(strip + (i * vectors + j) * LANES, sums[i][j]);
      layer->activation(rows * width, strip, strip);
      FOR_EACH_VECTOR(i, j) sums[i][j] = load(strip + (i * vectors + j) * LANES);
    }
    // Strips begin at even outputs; only the last one may be of a single row.
    float *y = layer->y + output / 2 * width;
    UNROLL for (int i = 0; i < rows; i += 2) {
      UNROLL for (int j = 0; j < vectors; j++) {
        floats high = i + 1 < rows ? sums[i + 1][j] : splat(0);
        store(y + i / 2 * width + j * LANES, (floats)PAIRED(pair)(sums[i][j], high));
      }
    }
  } else {
    float *y = layer->y + output * width;
    FOR_EACH_VECTOR(i, j) store(y + i * width + j * LANES, sums[i][j]);
    if (layer->activation) layer->activation(rows * width, y, y);
  }
}

#define DEFINE_LAYER(vectors)                                                                                  \
  NOINLINE void PAIRED(silu_layer_##vectors)(const paired_layer *layer) {                                      \
    COVER_ROWS(vectors, layer->outputs, PAIRED_SILU_STRIP)                                                     \
  }                                                                                                            \
  NOINLINE void PAIRED(layer_##vectors)(const paired_layer *layer) {                                           \
    if (layer->gives_pairs && layer->activation == activation_loops[CK_SILU])                                  \
      return PAIRED(silu_layer_##vectors)(layer);                                                              \
    COVER_ROWS(vectors, layer->outputs, PAIRED_STRIP)                                                          \
  }
#define PAIRED_STRIP(height, vectors) PAIRED(strip)(height, vectors, 0, layer, n)
#define PAIRED_SILU_STRIP(height, vectors) PAIRED(strip)(height, vectors, 1, layer, n)
FOR_EACH_WIDTH(DEFINE_LAYER)
#undef DEFINE_LAYER

#define ENTRY(vectors) [vectors] = PAIRED(layer_##vectors),
static const paired_layer_kernel PAIRED(layers)[TILE_VECTORS + 1] = {FOR_EACH_WIDTH(ENTRY)};
#undef ENTRY
