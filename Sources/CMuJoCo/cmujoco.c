#define _DEFAULT_SOURCE
#include "cmujoco.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 1024, LEVEL_ERROR = 3 };

// The beginning of MuJoCo's mjLogMessage.
typedef struct {
  int level, topic;
  char subject[TEXT];
} log_message;

typedef void (*log_handler)(const log_message *);

struct cmujoco_library {
  void *handle;
  int (*version)(void);
  log_handler (*set_log_handler)(log_handler);
  void *(*load_xml)(const char *, const void *, char *, int);
  void *(*parse_xml)(const char *, const void *, char *, int);
  void *(*compile)(void *, const void *);
  const char *(*get_error)(void *);
  void (*delete_spec)(void *);
  void *(*make_data)(const void *);
  void (*delete_model)(void *);
  void (*delete_data)(void *);
  void (*reset_data)(const void *, void *);
  void (*forward)(const void *, void *);
  void (*step)(const void *, void *);
  void (*rne_post_constraint)(const void *, void *);
  void *(*copy_data)(void *, const void *, const void *);
  int (*state_size)(const void *, int);
  void (*get_state)(const void *, const void *, double *, int);
  void (*set_state)(const void *, void *, const double *, int);
  int (*name2id)(const void *, int, const char *);
  const char *(*id2name)(const void *, int, int);
  double (*total_mass)(const void *);
  void (*local2global)(void *, double *, double *, const double *, const double *, int, unsigned char);
};

static _Thread_local char text[TEXT + 256];
// Where an error of this thread goes to; NULL: nobody waits for one.
static _Thread_local jmp_buf *guard;

static void handle(const log_message *message) {
  if (message->level < LEVEL_ERROR) return;
  snprintf(text, sizeof text, "MuJoCo: %.*s", TEXT, message->subject);
  if (guard) _longjmp(*guard, 1);
  // MuJoCo ends the process when this returns.
  fprintf(stderr, "mbrl: %s\n", text);
}

// Runs statements; an error in them is what the function returns.
#define GUARDED(...)              \
  jmp_buf here;                   \
  jmp_buf *const outer = guard;   \
  if (_setjmp(here)) {            \
    guard = outer;                \
    return text;                  \
  }                               \
  guard = &here;                  \
  __VA_ARGS__;                    \
  guard = outer;                  \
  return NULL

static int find(const cmujoco_library *library, void **function, const char *name) {
  *function = dlsym(library->handle, name);
  if (!*function) snprintf(text, sizeof text, "the library has no function %s", name);
  return *function != NULL;
}

const char *cmujoco_open(const char *path, cmujoco_library **library, int *version) {
  cmujoco_library *made = calloc(1, sizeof *made);
  if (!made) return "there is no memory left";
  made->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!made->handle) {
    snprintf(text, sizeof text, "%s", dlerror());
    free(made);
    return text;
  }
  if (!find(made, (void **)&made->version, "mj_version")) {
    dlclose(made->handle);
    free(made);
    return text;
  }
  *version = made->version();
  *library = made;
  return NULL;
}

const char *cmujoco_bind(cmujoco_library *library) {
#define FIND(field, name) \
  if (!find(library, (void **)&library->field, name)) return text
  FIND(set_log_handler, "mju_setLogHandler");
  FIND(load_xml, "mj_loadXML");
  FIND(parse_xml, "mj_parseXMLString");
  FIND(compile, "mj_compile");
  FIND(get_error, "mjs_getError");
  FIND(delete_spec, "mj_deleteSpec");
  FIND(make_data, "mj_makeData");
  FIND(delete_model, "mj_deleteModel");
  FIND(delete_data, "mj_deleteData");
  FIND(reset_data, "mj_resetData");
  FIND(forward, "mj_forward");
  FIND(step, "mj_step");
  FIND(rne_post_constraint, "mj_rnePostConstraint");
  FIND(copy_data, "mj_copyData");
  FIND(state_size, "mj_stateSize");
  FIND(get_state, "mj_getState");
  FIND(set_state, "mj_setState");
  FIND(name2id, "mj_name2id");
  FIND(id2name, "mj_id2name");
  FIND(total_mass, "mj_getTotalmass");
  FIND(local2global, "mj_local2Global");
#undef FIND
  library->set_log_handler(handle);
  return NULL;
}

// MARK: - Models and data

const char *cmujoco_load_model(const cmujoco_library *library, const char *path, void **model) {
  char reason[TEXT] = "";
  GUARDED({
    *model = library->load_xml(path, NULL, reason, sizeof reason);
    if (!*model) {
      guard = outer;
      snprintf(text, sizeof text, "%s", *reason ? reason : "MuJoCo cannot read it");
      return text;
    }
  });
}

const char *cmujoco_parse_model(const cmujoco_library *library, const char *xml, void **model) {
  char reason[TEXT] = "";
  GUARDED({
    void *spec = library->parse_xml(xml, NULL, reason, sizeof reason);
    *model = spec ? library->compile(spec, NULL) : NULL;
    if (!*model) {
      guard = outer;
      snprintf(text, sizeof text, "%s", spec ? library->get_error(spec) : reason);
    }
    if (spec) library->delete_spec(spec);
    if (!*model) return text;
  });
}

const char *cmujoco_make_data(const cmujoco_library *library, const void *model, void **data) {
  GUARDED({
    *data = library->make_data(model);
    if (!*data) {
      guard = outer;
      return "MuJoCo makes no data: there is no memory left";
    }
  });
}

void cmujoco_delete_model(const cmujoco_library *library, void *model) { library->delete_model(model); }
void cmujoco_delete_data(const cmujoco_library *library, void *data) { library->delete_data(data); }

// MARK: - Simulation

const char *cmujoco_reset(const cmujoco_library *library, const void *model, void *data) {
  GUARDED(library->reset_data(model, data));
}

const char *cmujoco_forward(const cmujoco_library *library, const void *model, void *data) {
  GUARDED(library->forward(model, data));
}

const char *cmujoco_step(const cmujoco_library *library, const void *model, void *data, int substeps) {
  GUARDED({
    for (int substep = 0; substep < substeps; substep++) library->step(model, data);
    library->rne_post_constraint(model, data);
  });
}

const char *cmujoco_copy_data(
    const cmujoco_library *library, void *destination, const void *model, const void *source) {
  GUARDED(library->copy_data(destination, model, source));
}

// MARK: - Questions

const char *cmujoco_state_size(const cmujoco_library *library, const void *model, int parts, int *size) {
  GUARDED(*size = library->state_size(model, parts));
}

const char *cmujoco_get_state(
    const cmujoco_library *library, const void *model, const void *data, double *state, int parts) {
  GUARDED(library->get_state(model, data, state, parts));
}

const char *cmujoco_set_state(
    const cmujoco_library *library, const void *model, void *data, const double *state, int parts) {
  GUARDED(library->set_state(model, data, state, parts));
}

const char *cmujoco_id(const cmujoco_library *library, const void *model, int kind, const char *name, int *id) {
  GUARDED(*id = library->name2id(model, kind, name));
}

const char *cmujoco_has_name(const cmujoco_library *library, const void *model, int kind, int id, int *has_name) {
  GUARDED(*has_name = library->id2name(model, kind, id) != NULL);
}

const char *cmujoco_total_mass(const cmujoco_library *library, const void *model, double *mass) {
  GUARDED(*mass = library->total_mass(model));
}

const char *cmujoco_body_position(const cmujoco_library *library, void *data, int body, double position[3]) {
  const double origin[3] = {0, 0, 0}, unit[4] = {1, 0, 0, 0};
  double frame[9];
  GUARDED(library->local2global(data, position, frame, origin, unit, body, 0));
}
