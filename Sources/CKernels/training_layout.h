// Where the memory of a training step holds what: shared by the variants and by the code that starts their tasks.
#ifndef CK_TRAINING_LAYOUT_H
#define CK_TRAINING_LAYOUT_H

#include "ckernels.h"

/// One member's minibatch on its way through its network and back, cut into tiles of rows.
///
/// Per layer the memory holds two parts. The layer's inputs, row-major but cut into panels of columns, one after
/// another: panel [rows][panel width], as the products of the weights' gradients read them; if there is room behind
/// them, a column of ones. And its slopes, in feature-major tiles [outputs][width]: on the way forward the activation's
/// derivatives, on the way back the gradients of the sums before the activation in their place. After the layers come
/// the minibatch [rows][inputs], and the outputs [rows][outputs] and their gradients. Where hidden values are
/// normalised a layer has two more: the normalised values in feature-major tiles [outputs][width], and 1/deviation of
/// each row.
typedef struct {
  const ck_network *network;
  int32_t member;
  int64_t rows;
  int64_t padded_rows;  ///< of a part: whole tiles of any width
  int64_t width;        ///< rows of a tile
  float *memory;
  const float *x;       ///< the minibatch [rows][inputs]
  float *y;             ///< the outputs [rows][outputs]
  const float *dy;      ///< their gradients, likewise
  int32_t keeps;        ///< what the way forward leaves in the memory: CK_KEEP_…
} member_pass;

static inline int64_t training_tiles(const member_pass *pass) { return (pass->rows + pass->width - 1) / pass->width; }

enum {
  /// Outputs of one task of weights: whole strips of 8 and of 12.
  BLOCK_OUTPUTS = 72,
  /// The most rows that a tile is padded by.
  WIDEST_TILE = 32,
};

/// Some outputs of a layer, whose weights one task takes.
typedef struct {
  int32_t layer;
  int64_t first, count;
} output_block;

static inline int64_t blocks_of(const ck_network *network, int32_t layer) {
  return (network->widths[layer + 1] + BLOCK_OUTPUTS - 1) / BLOCK_OUTPUTS;
}

static inline int64_t blocks_of_all(const ck_network *network) {
  int64_t blocks = 0;
  for (int32_t layer = 0; layer < network->layers; layer++) blocks += blocks_of(network, layer);
  return blocks;
}

/// Block `number` of 0..<blocks_of_all, layer after layer.
static inline output_block output_block_at(const ck_network *network, int64_t number) {
  output_block block = {0};
  for (; number >= blocks_of(network, block.layer); block.layer++) number -= blocks_of(network, block.layer);
  block.first = number * BLOCK_OUTPUTS;
  int64_t left = network->widths[block.layer + 1] - block.first;
  block.count = left < BLOCK_OUTPUTS ? left : BLOCK_OUTPUTS;
  return block;
}

/// Floats of one part, on cache lines of its own; columns in panels are padded to whole vectors of any variant.
static inline int64_t training_part_size(int64_t padded_rows, int64_t columns) {
  return padded_rows * ((columns + 15) / 16 * 16);
}

/// Whether a layer's values are normalised.
static inline int is_normalized(const ck_network *network, int32_t layer) {
  return network->is_normalized && layer + 1 < network->layers;
}

/// Floats of all layers' parts before `layer`.
static inline int64_t training_layer_place(const ck_network *network, int32_t layer, int64_t padded_rows) {
  int64_t place = 0;
  for (int32_t l = 0; l < layer; l++) {
    place += training_part_size(padded_rows, network->widths[l])
             + training_part_size(padded_rows, network->widths[l + 1]);
    if (is_normalized(network, l)) place += training_part_size(padded_rows, network->widths[l + 1] + 1);
  }
  return place;
}

/// Floats of one member's memory.
static inline int64_t training_member_size(const ck_network *network, int64_t padded_rows) {
  return training_layer_place(network, network->layers, padded_rows)
         + training_part_size(padded_rows, network->widths[0])
         + 2 * training_part_size(padded_rows, network->widths[network->layers]);
}

static inline float *training_inputs(const member_pass *pass, int32_t layer) {
  return pass->memory + training_layer_place(pass->network, layer, pass->padded_rows);
}

static inline float *training_slopes(const member_pass *pass, int32_t layer, int64_t tile) {
  return training_inputs(pass, layer) + training_part_size(pass->padded_rows, pass->network->widths[layer])
         + tile * pass->width * pass->network->widths[layer + 1];
}

/// The normalised values of a tile [outputs][width]; behind those of all tiles 1/deviation of each row.
static inline float *training_normalized(const member_pass *pass, int32_t layer, int64_t tile) {
  int64_t outputs = pass->network->widths[layer + 1];
  return training_slopes(pass, layer, 0) + training_part_size(pass->padded_rows, outputs)
         + tile * pass->width * outputs;
}

/// 1/deviation of a tile's rows [width].
static inline float *training_inverses(const member_pass *pass, int32_t layer, int64_t tile) {
  int64_t outputs = pass->network->widths[layer + 1];
  return training_normalized(pass, layer, 0) + pass->padded_rows * outputs + tile * pass->width;
}

/// The minibatch [rows][inputs].
static inline float *training_batch(const member_pass *pass) { return training_inputs(pass, pass->network->layers); }

/// The outputs [rows][outputs].
static inline float *training_outputs(const member_pass *pass) {
  return training_batch(pass) + training_part_size(pass->padded_rows, pass->network->widths[0]);
}

/// The gradients of the outputs, likewise.
static inline float *training_output_gradients(const member_pass *pass) {
  return training_outputs(pass) + training_part_size(pass->padded_rows, pass->network->widths[pass->network->layers]);
}

/// Rows of a tile that exist.
static inline int64_t training_tile_rows(const member_pass *pass, int64_t tile) {
  int64_t left = pass->rows - tile * pass->width;
  return left < pass->width ? left : pass->width;
}

#endif
