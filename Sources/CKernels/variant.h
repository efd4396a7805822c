// All kernels of one instruction-set variant, and its table. The variant defines KERNELS, the table's name, and LANES,
// TILE_VECTORS and STRIP_ROWS.

// The order matters: each builds on those before.
// clang-format off
#include "vectors.h"
#include "vector_math.h"
#include "activations.h"
#include "elementwise.h"
#include "normalize.h"
#include "latent.h"
#include "convolution.h"
#include "pictures_around.h"
#include "random.h"
#include "microkernel.h"
#include "product.h"
#include "bfloat16.h"
#if LANES == 16
#include "bfloat16_native.h"
#endif
#include "ensemble.h"
#include "tiles.h"
#include "tile_normalize.h"
#include "training.h"
#include "training_weights.h"
#include "peak.h"
// clang-format on

const kernel_table KERNELS = {
    .activation = activation_variant, .activation_gradient = activation_gradient_variant, .unary = unary_variant,
    .multiply = multiply_variant, .column_sums = column_sums_variant, .adam_step = adam_step_variant,
    .sum = sum_variant, .sum_of_squares = sum_of_squares_variant, .first_nonfinite = first_nonfinite_variant,
    .polyak = polyak_variant, .normalize_rows = normalize_rows_variant,
    .normalize_rows_gradient = normalize_rows_gradient_variant, .fill_normal = fill_normal_variant,
    .fill_uniform = fill_uniform_variant,
    .fill_truncated_normal = fill_truncated_normal_variant, .ensemble_step = ensemble_step_variant, .lanes = LANES,
    .training_forward = training_forward_variant, .training_backward = training_backward_variant,
    .training_inputs = training_inputs_variant, .training_weights = training_weights_variant, .peak = peak_variant,
    .transpose = transpose,
    .norm_silu = norm_silu_variant, .norm_silu_gradient = norm_silu_gradient_variant,
    .block_gru = block_gru_variant, .block_gru_gradient = block_gru_gradient_variant,
    .one_hot_sample = one_hot_sample_variant, .softmax_gradient = softmax_gradient_variant,
    .latent_kl = latent_kl_variant, .two_hot_mean = two_hot_mean_variant, .two_hot_loss = two_hot_loss_variant,
    .two_hot_loss_gradient = two_hot_loss_gradient_variant, .laprop_step = laprop_step_variant,
    .convolve = convolve_variant, .convolve_weight_gradient = convolve_weight_gradient_variant,
    .convolve_pool = convolve_pool_variant,
    .convolve_pool_weight_gradient = convolve_pool_weight_gradient_variant,
    .convolve_unpooled = convolve_unpooled_variant, .fold_frames = fold_frames_variant, .max_pool = max_pool_variant,
    .max_pool_gradient = max_pool_gradient_variant, .upsample = upsample_variant,
    .upsample_gradient = upsample_gradient_variant, .channel_norm_silu = channel_norm_silu_variant,
    .channel_norm_silu_gradient = channel_norm_silu_gradient_variant, .picture_frames = picture_frames_variant,
    .picture_loss = picture_loss_variant, .picture_loss_gradient = picture_loss_gradient_variant,
    .tile_linear = tile_linear_variant, .tile_norm_silu = tile_norm_silu_variant,
    .tile_block_gru = tile_block_gru_variant, .tile_one_hot_sample = tile_one_hot_sample_variant,
    .tile_rows_in = tile_rows_in_variant, .tile_rows_out = tile_rows_out_variant,
    .tile_two_hot_mean = tile_two_hot_mean_variant,
};
