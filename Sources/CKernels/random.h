// Philox4x32-10 and Box–Muller, one block per lane.

/// One round's product of every lane with a constant.
INLINE void wide_product(words a, uint32_t factor, words *high, words *low) {
  wide_words product = __builtin_convertvector(a, wide_words) * (wide_words)(uint64_t)factor;
  *high = __builtin_convertvector(product >> 32, words);
  *low = a * (words)factor;
}

INLINE void philox(words counter[4], uint64_t key, words out[4]) {
  words c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  UNROLL for (int round = 0; round < 10; round++) {
    words high0, low0, high1, low1;
    wide_product(c0, 0xD2511F53u, &high0, &low0);
    wide_product(c2, 0xCD9E8D57u, &high1, &low1);
    c0 = high1 ^ c1 ^ (words)k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ (words)k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/// 24 random bits as a float in [0, 1).
INLINE floats unit_floats(words bits) {
  return __builtin_convertvector((ints)(bits >> 8), floats) * splat(0x1p-24f);
}

/// The four standard normals of each lane's block.
INLINE void four_normals(words counter[4], uint64_t key, floats normals[4]) {
  words bits[4];
  philox(counter, key, bits);
  UNROLL for (int pair = 0; pair < 4; pair += 2) {
    floats u1 = unit_floats(bits[pair]) + splat(0x1p-25f), u2 = unit_floats(bits[pair + 1]);
    floats radius = __builtin_elementwise_sqrt(splat(-2) * log_normal(u1));
    floats sine, cosine;
    sine_cosine_of_turn(u2, &sine, &cosine);
    normals[pair] = radius * cosine;
    normals[pair + 1] = radius * sine;
  }
}

/// Counters of LANES consecutive blocks of a stream, from `first` on.
INLINE void stream_counters(uint64_t first, uint64_t stream, words counter[4]) {
  words low = (words)(uint32_t)first + lane_numbers();
  counter[0] = low;
  // The low word wraps where the sum is less than what was added to.
  counter[1] = (words)(uint32_t)(first >> 32) - (words)(low < (words)(uint32_t)first);
  counter[2] = (words)(uint32_t)stream;
  counter[3] = (words)(uint32_t)(stream >> 32);
}

/// out[4·lane + j] = values[j][lane], limited to `count` floats.
INLINE void store_blocks(const floats values[4], int64_t count, float *out) {
  float block[4 * LANES];
  UNROLL for (int lane = 0; lane < LANES; lane++) {
    UNROLL for (int j = 0; j < 4; j++) block[4 * lane + j] = values[j][lane];
  }
  memcpy(out, block, (size_t)(count < 4 * LANES ? count : 4 * LANES) * sizeof(float));
}

static void fill_normal_variant(uint64_t key, uint64_t stream, int64_t count, float *out) {
  for (int64_t i = 0; i < count; i += 4 * LANES) {
    words counter[4];
    floats normals[4];
    stream_counters((uint64_t)i / 4, stream, counter);
    four_normals(counter, key, normals);
    store_blocks(normals, count - i, out + i);
  }
}

static void fill_uniform_variant(
    uint64_t key, uint64_t stream, int64_t count, float low, float high, float *out) {
  // Rounding may lift a value onto the upper bound, which is not part of the interval.
  float last = high > low ? __builtin_nextafterf(high, low) : low;
  for (int64_t i = 0; i < count; i += 4 * LANES) {
    words counter[4], bits[4];
    floats values[4];
    stream_counters((uint64_t)i / 4, stream, counter);
    philox(counter, key, bits);
    UNROLL for (int j = 0; j < 4; j++)
      values[j] = at_most(fmadd(splat(high - low), unit_floats(bits[j]), splat(low)), last);
    store_blocks(values, count - i, out + i);
  }
}

static void fill_truncated_normal_variant(
    uint64_t key, uint64_t stream, int64_t count, float bound, float *out) {
  enum { MAXIMUM_ATTEMPTS = 64 };
  for (int64_t i = 0; i < count; i += LANES) {
    words counter[4];
    stream_counters((uint64_t)i, stream, counter);
    words stream_high = counter[3];
    floats value = splat(0);
    ints open = (ints)splat(0) == 0;
    for (uint32_t attempt = 0; attempt < MAXIMUM_ATTEMPTS && __builtin_reduce_or(open); attempt++) {
      floats normals[4];
      counter[3] = stream_high ^ (words)(attempt << 16);
      four_normals(counter, key, normals);
      UNROLL for (int j = 0; j < 4; j++) {
        value = open ? normals[j] : value;
        open = open & (absolute(value) > splat(bound));
      }
    }
    value = at_most(at_least(value, -bound), bound);
    if (count - i >= LANES) store(out + i, value);
    else store_first(out + i, value, count - i);
  }
}
