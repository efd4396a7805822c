// The activations and their derivatives. `kind` is a literal at every use, so that a switch costs nothing.

#define SQRT_2_OVER_PI 0.79788456080286535588f
#define INVERSE_SQRT_2_PI 0.39894228040143267794f
#define GELU_CUBIC 0.044715f

/// Argument of the logistic function in the tanh form of GELU: 2·√(2/π)·(x + 0.044715x³).
INLINE floats gelu_argument(floats x) {
  return splat(2 * SQRT_2_OVER_PI) * x * fmadd(splat(GELU_CUBIC), x * x, splat(1));
}

INLINE floats activate(const int kind, floats x) {
  switch (kind) {
    case CK_RELU: return at_least(x, 0);
    case CK_TANH: return hyperbolic_tangent(x);
    case CK_SIGMOID: return splat(1) / one_plus_exp_of_negative(x);
    // Below −87 the value is 0 to 35 digits; limiting the numerator too keeps it there however large x is.
    case CK_SILU: return at_least(x, -87) / one_plus_exp_of_negative(x);
    case CK_ELU: return x > splat(0) ? x : exp_minus_one(x);
    case CK_GELU_TANH: return at_least(x, -87) / one_plus_exp_of_negative(gelu_argument(x));
    case CK_GELU_ERF: {
      floats unused, tail = normal_tail(absolute(x), &unused);
      return at_least(x, -87) * (x < splat(0) ? tail : splat(1) - tail);
    }
    case CK_MISH: {
      // tanh(log(1 + e)) = w/(w + 2) with w = e² + 2e; from x = 20 on it is 1.
      floats e = exp_limited(at_most(x, 20)), w = e * (e + splat(2));
      return at_least(x, -87) * (w / (w + splat(2)));
    }
    case CK_SOFTPLUS: return softplus(x);
    default: return x;
  }
}

INLINE floats activation_derivative(const int kind, floats x) {
  switch (kind) {
    case CK_RELU: return x <= splat(0) ? splat(0) : (x > splat(0) ? splat(1) : x);
    case CK_TANH: {
      floats e = exp_limited(splat(-2) * absolute(x)), sum = splat(1) + e;
      return splat(4) * e / (sum * sum);
    }
    case CK_SIGMOID: {
      floats e = exp_limited(-absolute(x)), sum = splat(1) + e;
      return e / (sum * sum);
    }
    case CK_SILU: {
      floats limited = at_most(at_least(x, -87), 87), e = exp_limited(-limited);
      floats s = splat(1) / (splat(1) + e);
      return s * fmadd(limited, e * s, splat(1));
    }
    case CK_ELU: return x > splat(0) ? splat(1) : exp_limited(x);
    case CK_GELU_TANH: {
      floats limited = at_most(at_least(x, -87), 87), e = exp_limited(-gelu_argument(limited));
      floats s = splat(1) / (splat(1) + e);
      floats slope = splat(2 * SQRT_2_OVER_PI) * fmadd(splat(3 * GELU_CUBIC), limited * limited, splat(1));
      return s * fmadd(limited * slope, e * s, splat(1));
    }
    case CK_GELU_ERF: {
      floats exponential, tail = normal_tail(absolute(x), &exponential);
      floats cumulative = x < splat(0) ? tail : splat(1) - tail;
      return fmadd(at_most(at_least(x, -13), 13) * splat(INVERSE_SQRT_2_PI), exponential, cumulative);
    }
    case CK_MISH: {
      floats limited = at_most(at_least(x, -87), 20), e = exp_limited(limited);
      floats w = e * (e + splat(2)), denominator = w + splat(2);
      floats slope = splat(4) * e * (e + splat(1)) / (denominator * denominator);
      return fmadd(limited, slope, w / denominator);
    }
    case CK_SOFTPLUS: return splat(1) / one_plus_exp_of_negative(x);
    default: return x == x ? splat(1) : x;
  }
}

/// SiLU, to the last bit or two, and its derivative, to the bit; returns 1 + e⁻ˣ.
INLINE floats silu_with_derivative(floats x, floats *y, floats *derivative) {
  const floats limited = at_most(at_least(x, -87), 87), e = exp_limited(-limited);
  const floats sum = splat(1) + e, s = splat(1) / sum;
  *y = at_least(x, -87) * s;
  *derivative = s * fmadd(limited, e * s, splat(1));
  return sum;
}

/// activate(kind, x) and activation_derivative(kind, x), to the bit, with what they have in common computed once.
INLINE void activate_with_derivative(const int kind, floats x, floats *y, floats *derivative) {
  if (kind == CK_SILU) {
    // The quotient by the reciprocal and what that leaves over is the divider's to the bit, for every float x; a second
    // division would take as long as all the rest.
    floats quotient, sum = silu_with_derivative(x, &quotient, derivative);
    floats s = splat(1) / sum, left = fmadd(-quotient, sum, at_least(x, -87));
    *y = absolute(left) > splat(0) ? fmadd(left, s, quotient) : quotient;
  } else {
    *y = activate(kind, x);
    *derivative = activation_derivative(kind, x);
  }
}

#define FOR_EACH_ACTIVATION(DO)                                                                                \
  DO(CK_IDENTITY, identity)                                                                                    \
  DO(CK_RELU, relu) DO(CK_TANH, tanh) DO(CK_SIGMOID, sigmoid) DO(CK_SILU, silu) DO(CK_ELU, elu)                \
  DO(CK_GELU_TANH, gelu_tanh) DO(CK_GELU_ERF, gelu_erf) DO(CK_MISH, mish) DO(CK_SOFTPLUS, softplus)

/// y[i] = activation(x[i])
typedef void (*activation_loop)(int64_t count, const float *x, float *y);
/// y[i] = activation(x[i]), derivative[i] = activation'(x[i]); y may be x.
typedef void (*derivative_loop)(int64_t count, const float *x, float *y, float *derivative);
typedef void (*gradient_loop)(int64_t count, const float *x, const float *dy, float *dx, int32_t accumulate);

#define DEFINE_LOOPS(kind, name)                                                                               \
  NOINLINE void activation_##name(int64_t count, const float *x, float *y) {                                   \
    int64_t i = 0;                                                                                             \
    for (; i + LANES <= count; i += LANES) store(y + i, activate(kind, load(x + i)));                          \
    if (i < count) store_first(y + i, activate(kind, load_first(x + i, count - i)), count - i);                \
  }                                                                                                            \
  NOINLINE void derivative_##name(int64_t count, const float *x, float *y, float *derivative) {                \
    floats value, slope;                                                                                       \
    int64_t i = 0;                                                                                             \
    for (; i + LANES <= count; i += LANES) {                                                                   \
      activate_with_derivative(kind, load(x + i), &value, &slope);                                             \
      store(y + i, value);                                                                                     \
      store(derivative + i, slope);                                                                            \
    }                                                                                                          \
    if (i < count) {                                                                                           \
      activate_with_derivative(kind, load_first(x + i, count - i), &value, &slope);                            \
      store_first(y + i, value, count - i);                                                                    \
      store_first(derivative + i, slope, count - i);                                                           \
    }                                                                                                          \
  }                                                                                                            \
  INLINE floats gradient_part_##name(floats x, floats dy, floats dx, int32_t accumulate) {                     \
    floats gradient = dy * activation_derivative(kind, x);                                                     \
    return accumulate ? dx + gradient : gradient;                                                              \
  }                                                                                                            \
  NOINLINE void gradient_##name(                                                                               \
      int64_t count, const float *x, const float *dy, float *dx, int32_t accumulate) {                         \
    int64_t i = 0;                                                                                             \
    for (; i + LANES <= count; i += LANES) {                                                                   \
      floats old = accumulate ? load(dx + i) : splat(0);                                                       \
      store(dx + i, gradient_part_##name(load(x + i), load(dy + i), old, accumulate));                         \
    }                                                                                                          \
    int64_t rest = count - i;                                                                                  \
    if (rest > 0) {                                                                                            \
      floats old = accumulate ? load_first(dx + i, rest) : splat(0);                                           \
      floats new = gradient_part_##name(load_first(x + i, rest), load_first(dy + i, rest), old, accumulate);   \
      store_first(dx + i, new, rest);                                                                          \
    }                                                                                                          \
  }
FOR_EACH_ACTIVATION(DEFINE_LOOPS)
#undef DEFINE_LOOPS

#define ENTRY(kind, name) [kind] = activation_##name,
static const activation_loop activation_loops[CK_ACTIVATION_COUNT] = {FOR_EACH_ACTIVATION(ENTRY)};
#undef ENTRY
#define ENTRY(kind, name) [kind] = derivative_##name,
static const derivative_loop derivative_loops[CK_ACTIVATION_COUNT] = {FOR_EACH_ACTIVATION(ENTRY)};
#undef ENTRY
#define ENTRY(kind, name) [kind] = gradient_##name,
static const gradient_loop gradient_loops[CK_ACTIVATION_COUNT] = {FOR_EACH_ACTIVATION(ENTRY)};
#undef ENTRY

static void activation_variant(int32_t activation, int64_t count, const float *x, float *y) {
  activation_loops[activation](count, x, y);
}

static void activation_gradient_variant(
    int32_t activation, int64_t count, const float *x, const float *dy, float *dx, int32_t accumulate) {
  gradient_loops[activation](count, x, dy, dx, accumulate);
}
