// Which instruction-set variant is in use.
#include "ckernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"portable", "avx2", "avx512"};
enum { UNDECIDED = -1 };
static _Atomic int32_t current = UNDECIDED;

int32_t ck_isa_available(int32_t isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (isa == CK_ISA_AVX2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (isa == CK_ISA_AVX512)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f")
           && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
           && __builtin_cpu_supports("avx512dq");
#endif
  return isa == CK_ISA_PORTABLE;
}

static _Atomic int32_t native_bfloat16_allowed = 1;

void ck_bfloat16_allow_native(int32_t allowed) {
  atomic_store_explicit(&native_bfloat16_allowed, allowed, memory_order_relaxed);
}

int32_t ck_bfloat16_is_native(void) {
#if defined(__x86_64__)
  return ck_isa_current() == CK_ISA_AVX512 && __builtin_cpu_supports("avx512bf16")
         && atomic_load_explicit(&native_bfloat16_allowed, memory_order_relaxed);
#else
  return 0;
#endif
}

int32_t ck_isa_best(void) {
  int32_t isa = CK_ISA_AVX512;
  while (!ck_isa_available(isa)) isa--;
  return isa;
}

const char *ck_isa_name(int32_t isa) { return isa >= CK_ISA_PORTABLE && isa <= CK_ISA_AVX512 ? names[isa] : "unknown"; }

/// The usable variant that MBRL_ISA names, or UNDECIDED.
static int32_t isa_of_environment(const char *text) {
  for (int32_t isa = CK_ISA_PORTABLE; isa <= CK_ISA_AVX512; isa++)
    if (strcmp(text, names[isa]) == 0 && ck_isa_available(isa)) return isa;
  return UNDECIDED;
}

const char *ck_isa_environment_fault(void) {
  const char *text = getenv("MBRL_ISA");
  return text && *text && isa_of_environment(text) == UNDECIDED ? text : NULL;
}

int32_t ck_isa_current(void) {
  int32_t isa = atomic_load_explicit(&current, memory_order_acquire);
  if (isa != UNDECIDED) return isa;
  const char *text = getenv("MBRL_ISA");
  int32_t chosen = text ? isa_of_environment(text) : UNDECIDED;
  if (chosen == UNDECIDED) chosen = ck_isa_best();
  // A selection that another thread makes meanwhile wins.
  return atomic_compare_exchange_strong(&current, &isa, chosen) ? chosen : isa;
}

int32_t ck_isa_select(int32_t isa) {
  if (!ck_isa_available(isa)) return -1;
  atomic_store_explicit(&current, isa, memory_order_release);
  return 0;
}
