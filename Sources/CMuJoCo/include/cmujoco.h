// MuJoCo's C functions through dlopen, with nothing of MuJoCo needed to build: models and data are plain addresses.
//
// MuJoCo reports what it cannot go on from by mju_error, which ends the process unless a handler leaves by longjmp.
// That happens here, in C, so that no Swift frame is jumped over: every function returns NULL where it worked, and
// otherwise a text that stays until the thread's next call. Warnings are dropped: callers look at what the simulation
// counts.
#pragma once
#include <stddef.h>

// One loaded library.
typedef struct cmujoco_library cmujoco_library;

// Opens a shared library, and asks it for its version (4.0.0 is 4000000). Nothing else of it is looked at.
const char *cmujoco_open(const char *path, cmujoco_library **library, int *version);
// Finds all functions, and takes over errors and warnings. Before any of the functions below.
const char *cmujoco_bind(cmujoco_library *library);

// Reads a model from an XML file.
const char *cmujoco_load_model(const cmujoco_library *library, const char *path, void **model);
// Reads a model from the text of one, which names no other file.
const char *cmujoco_parse_model(const cmujoco_library *library, const char *xml, void **model);
// Makes the data of one simulation.
const char *cmujoco_make_data(const cmujoco_library *library, const void *model, void **data);
void cmujoco_delete_model(const cmujoco_library *library, void *model);
void cmujoco_delete_data(const cmujoco_library *library, void *data);

// mj_resetData: the model's initial state, warnings at 0.
const char *cmujoco_reset(const cmujoco_library *library, const void *model, void *data);
// mj_forward: everything that follows from positions, velocities and controls.
const char *cmujoco_forward(const cmujoco_library *library, const void *model, void *data);
// `substeps` times mj_step, then mj_rnePostConstraint: what one step of a Gymnasium environment simulates.
const char *cmujoco_step(const cmujoco_library *library, const void *model, void *data, int substeps);
// mj_copyData: the complete data, what was derived included.
const char *cmujoco_copy_data(const cmujoco_library *library, void *destination, const void *model, const void *source);

// mj_stateSize, mj_getState and mj_setState: so many numbers of the parts whose bits are set.
const char *cmujoco_state_size(const cmujoco_library *library, const void *model, int parts, int *size);
const char *cmujoco_get_state(
    const cmujoco_library *library, const void *model, const void *data, double *state, int parts);
const char *cmujoco_set_state(
    const cmujoco_library *library, const void *model, void *data, const double *state, int parts);
// mj_name2id for a kind of object; -1: there is none of that name.
const char *cmujoco_id(const cmujoco_library *library, const void *model, int kind, const char *name, int *id);
// Whether mj_id2name knows a name of that object.
const char *cmujoco_has_name(const cmujoco_library *library, const void *model, int kind, int id, int *has_name);
// mj_getTotalmass.
const char *cmujoco_total_mass(const cmujoco_library *library, const void *model, double *mass);
// mj_local2Global of a body's origin: where the body is.
const char *cmujoco_body_position(const cmujoco_library *library, void *data, int body, double position[3]);
