// Elementary functions on vectors: additions, fused multiply-adds, true divisions and integer operations only, so that
// every variant computes the same bytes. Errors are 1 to 3 units in the last place. A NaN comes out as a NaN.

/// Adding it to a small float rounds that to an integer, which then stands in the low bits of the sum.
#define ROUNDING_SHIFT 12582912.0f
#define LOG2_E_HIGH 0x1.715476p+0f
#define LOG2_E_LOW 0x1.4ae0cp-26f

/// (2ᶠ − 1)/f for |f| ≤ ½ (+ a little): a minimax polynomial.
INLINE floats exp2_slope(floats f) {
  floats p = splat(0x1.41fbbcp-13f);
  p = fmadd(p, f, splat(0x1.5f3e54p-10f));
  p = fmadd(p, f, splat(0x1.3b2d4cp-7f));
  p = fmadd(p, f, splat(0x1.c6aee8p-5f));
  p = fmadd(p, f, splat(0x1.ebfbdcp-3f));
  return fmadd(p, f, splat(0x1.62e430p-1f));
}

/// e^(sign·x) = 2ᶠ·scale for x in [−87.3, 87.3]: the scale is a normal power of two, |f| ≤ ½, sign is 1 or −1.
INLINE void exp_split(const int sign, floats x, floats *f, floats *scale) {
  // The exponent's bias is added with the shift, so that a left shift alone builds the power of two.
  floats shift = splat(ROUNDING_SHIFT + 127);
  floats shifted = fmadd(x, splat(sign * LOG2_E_HIGH), shift);
  floats high = fmadd(x, splat(sign * LOG2_E_HIGH), shift - shifted);
  *f = fmadd(x, splat(sign * LOG2_E_LOW), high);
  *scale = (floats)((words)shifted << 23);
}

/// eˣ with x limited to [−87, 87] first.
INLINE floats exp_limited(floats x) {
  floats f, scale;
  exp_split(1, at_most(at_least(x, -87), 87), &f, &scale);
  return fmadd(exp2_slope(f), f, splat(1)) * scale;
}

/// eˣ for x ≤ 0, and not below e^(−87).
INLINE floats exp_of_negative(floats x) {
  floats f, scale;
  exp_split(1, at_least(x, -87), &f, &scale);
  return fmadd(exp2_slope(f), f, splat(1)) * scale;
}

/// 1 + e⁻ˣ with x limited to [−87, 87] first.
INLINE floats one_plus_exp_of_negative(floats x) {
  floats f, scale;
  exp_split(-1, at_most(at_least(x, -87), 87), &f, &scale);
  return fmadd(fmadd(exp2_slope(f), f, splat(1)), scale, splat(1));
}

/// eˣ − 1, without cancellation near 0, with x limited to [−87, 87] first.
INLINE floats exp_minus_one(floats x) {
  floats f, scale;
  exp_split(1, at_most(at_least(x, -87), 87), &f, &scale);
  return fmadd(exp2_slope(f) * f, scale, scale - splat(1));
}

/// eˣ over the whole range: infinity above 88.7, subnormal results below −87.3.
INLINE floats exp_full(floats x) {
  floats limited = at_most(at_least(x, -104), 89);
  floats shifted = fmadd(limited, splat(LOG2_E_HIGH), splat(ROUNDING_SHIFT));
  floats n = shifted - splat(ROUNDING_SHIFT);
  floats f = fmadd(limited, splat(LOG2_E_HIGH), -n);
  f = fmadd(limited, splat(LOG2_E_LOW), f);
  // 2ⁿ as a product of two factors, for n goes beyond what one exponent can hold.
  ints exponent = (ints)((words)shifted - (words)splat(ROUNDING_SHIFT));
  ints half = exponent >> 1;
  floats first = (floats)((words)(half + 127) << 23), second = (floats)((words)(exponent - half + 127) << 23);
  return fmadd(exp2_slope(f), f, splat(1)) * first * second;
}

/// log x for positive normal x.
INLINE floats log_normal(floats x) {
  ints bits = (ints)x;
  ints exponent = (bits - 0x3f3504f3) >> 23;  // so that the mantissa lies in [√½, √2)
  floats mantissa = (floats)((words)bits - ((words)exponent << 23));
  floats e = __builtin_convertvector(exponent, floats);
  floats f = mantissa - splat(1), z = f * f;
  floats p = splat(7.0376836292e-2f);
  p = fmadd(p, f, splat(-1.1514610310e-1f));
  p = fmadd(p, f, splat(1.1676998740e-1f));
  p = fmadd(p, f, splat(-1.2420140846e-1f));
  p = fmadd(p, f, splat(1.4249322787e-1f));
  p = fmadd(p, f, splat(-1.6668057665e-1f));
  p = fmadd(p, f, splat(2.0000714765e-1f));
  p = fmadd(p, f, splat(-2.4999993993e-1f));
  p = fmadd(p, f, splat(3.3333331174e-1f));
  floats y = f * z * p;
  y = fmadd(e, splat(-2.12194440e-4f), y);
  y = fmadd(splat(-0.5f), z, y);
  return fmadd(e, splat(0.693359375f), f + y);
}

/// log x: −∞ at 0, NaN below.
INLINE floats log_full(floats x) {
  ints subnormal = x < splat(0x1p-126f);
  floats normal = subnormal ? x * splat(0x1p25f) : x;
  floats y = log_normal(normal);
  y = subnormal ? y - splat(17.3286795139986f) : y;
  y = x < splat(__builtin_inff()) ? y : x;
  y = x == splat(0) ? splat(-__builtin_inff()) : y;
  return x < splat(0) ? splat(__builtin_nanf("")) : y;
}

/// log(1 + x) for x ≥ −1, accurate near 0.
INLINE floats log_one_plus(floats x) {
  floats u = splat(1) + x;
  // What rounding lost in the sum, to first order; where u has no room for it, it does not matter.
  floats lost = (x - (u - splat(1))) / u;
  ints matters = (u > splat(0)) & (u < splat(0x1p30f));
  return log_full(u) + (matters ? lost : splat(0));
}

/// log(1 + t) for t in [0, 1], by the series of the inverse hyperbolic tangent of t/(2 + t).
INLINE floats log_one_plus_unit(floats t) {
  floats s = t / (splat(2) + t), z = s * s, twice = s + s;
  floats p = splat(0x1.1ed7c2p-3f);
  p = fmadd(p, z, splat(0x1.1ebd0cp-3f));
  p = fmadd(p, z, splat(0x1.99d208p-3f));
  p = fmadd(p, z, splat(0x1.555502p-2f));
  return fmadd(twice * z, p, twice);
}

/// log(1 + eˣ)
INLINE floats softplus(floats x) { return at_least(x, 0) + log_one_plus_unit(exp_limited(-absolute(x))); }

/// e^(−2|x|), of which tanh |x| is (1 − e)/(1 + e).
INLINE floats exp_for_tangent(floats x) { return exp_of_negative(splat(-2) * absolute(x)); }

/// tanh x from tanh |x| as the quotient gives it, which is not exact enough near 0.
INLINE floats tangent_from_quotient(floats x, floats quotient) {
  quotient = (floats)((words)quotient | sign_bit(x));
  floats z = x * x, p = splat(-5.70498872745e-3f);
  p = fmadd(p, z, splat(2.06390887954e-2f));
  p = fmadd(p, z, splat(-5.37397155531e-2f));
  p = fmadd(p, z, splat(1.33314422036e-1f));
  p = fmadd(p, z, splat(-3.33332819422e-1f));
  return absolute(x) < splat(0.625f) ? fmadd(p * z, x, x) : quotient;
}

INLINE floats hyperbolic_tangent(floats x) {
  floats e = exp_for_tangent(x);
  return tangent_from_quotient(x, (splat(1) - e) / (splat(1) + e));
}

/// Sine and cosine of r + q·π/2 for |r| ≤ π/4, q by its two lowest bits.
INLINE void sine_cosine_of_quadrant(floats r, words q, floats *sine, floats *cosine) {
  floats z = r * r;
  floats s = splat(-1.9515295891e-4f);
  s = fmadd(s, z, splat(8.3321608736e-3f));
  s = fmadd(s, z, splat(-1.6666654611e-1f));
  s = fmadd(s * z, r, r);
  floats c = splat(2.443315711809948e-5f);
  c = fmadd(c, z, splat(-1.388731625493765e-3f));
  c = fmadd(c, z, splat(4.166664568298827e-2f));
  c = fmadd(c * z, z, fmadd(splat(-0.5f), z, splat(1)));
  ints swap = (ints)(q << 31);  // a select looks at the sign bit
  floats first = swap ? c : s, second = swap ? s : c;
  *sine = (floats)((words)first ^ (q & 2) << 30);
  *cosine = (floats)((words)second ^ ((q + 1) & 2) << 30);
}

/// Sine and cosine, accurate for |x| ≤ 1e5; in [−1.1, 1.1] for any finite x.
INLINE void sine_cosine(floats x, floats *sine, floats *cosine) {
  floats shifted = fmadd(x, splat(0x1.45f306p-1f), splat(ROUNDING_SHIFT));
  floats n = shifted - splat(ROUNDING_SHIFT);
  // π/2 in three parts.
  floats r = fmadd(n, splat(-0x1.921fb6p+0f), x);
  r = fmadd(n, splat(0x1.777a5cp-25f), r);
  r = fmadd(n, splat(0x1.ee59dap-50f), r);
  r = at_most(at_least(r, -0.8f), 0.8f);
  sine_cosine_of_quadrant(r, (words)shifted, sine, cosine);
}

/// Sine and cosine of 2πu for u in [0, 1).
INLINE void sine_cosine_of_turn(floats u, floats *sine, floats *cosine) {
  floats quarters = u * splat(4);
  floats shifted = quarters + splat(ROUNDING_SHIFT);
  floats n = shifted - splat(ROUNDING_SHIFT);
  sine_cosine_of_quadrant((quarters - n) * splat(0x1.921fb6p+0f), (words)shifted, sine, cosine);
}

/// Φ(−a), the upper tail of the standard normal distribution, and e^(−a²/2), for a ≥ 0 (limited to 13).
/// Φ(−a)·e^(a²/2) is a polynomial of 1/(1 + 0.35a), relative error 3e-8.
INLINE floats normal_tail(floats a, floats *density_exponential) {
  a = at_most(a, 13);
  floats square = a * a, lost = fmadd(a, a, -square);
  floats e = exp_limited(splat(-0.5f) * square);
  e = fmadd(e, splat(-0.5f) * lost, e);
  *density_exponential = e;
  floats t = splat(1) / fmadd(splat(0.35f), a, splat(1));
  floats p = splat(-0x1.dd05a8p-6f);
  p = fmadd(p, t, splat(0x1.268a88p-3f));
  p = fmadd(p, t, splat(-0x1.05857cp-2f));
  p = fmadd(p, t, splat(0x1.4537b8p-3f));
  p = fmadd(p, t, splat(-0x1.764750p-6f));
  p = fmadd(p, t, splat(0x1.afaffap-4f));
  p = fmadd(p, t, splat(0x1.eaf57cp-4f));
  p = fmadd(p, t, splat(0x1.1e6da6p-3f));
  p = fmadd(p, t, splat(0x1.1df1f6p-3f));
  return p * t * e;
}
