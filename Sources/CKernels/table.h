// The table of one variant; KERNELS is its name.
const kernel_table KERNELS = {
    .activation = activation_variant,
    .activation_gradient = activation_gradient_variant,
    .unary = unary_variant,
    .multiply = multiply_variant,
    .column_sums = column_sums_variant,
    .adam_step = adam_step_variant,
    .sum = sum_variant,
    .sum_of_squares = sum_of_squares_variant,
    .first_nonfinite = first_nonfinite_variant,
    .polyak = polyak_variant,
    .fill_normal = fill_normal_variant,
    .fill_uniform = fill_uniform_variant,
    .fill_truncated_normal = fill_truncated_normal_variant,
    .ensemble_step = ensemble_step_variant,
};
