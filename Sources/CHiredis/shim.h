#include <hiredis/hiredis.h>
#include <stdlib.h>

// hiredis allocates an array when its length has been said, and walks over all of it when it is thrown away:
// "*1000000000" is eight gigabytes. No reply that the gateway asks for has more than five elements. So a reader gets
// hiredis' own functions but for arrays; where they stand goes along with it, as its private data.
#define SLUICE_REDIS_ELEMENTS_MAX 64

struct sluice_redis_functions {
  redisReplyObjectFunctions own;
  void *(*array)(const redisReadTask *, int);
};

static inline void *sluice_redis_array(const redisReadTask *task, int elements) {
  struct sluice_redis_functions *functions = (struct sluice_redis_functions *)task->privdata;
  return elements > SLUICE_REDIS_ELEMENTS_MAX ? 0 : functions->array(task, elements);
}

// A reader that takes short arrays only; null when there is no memory.
static inline redisReader *sluice_redis_reader_create(void) {
  redisReader *reader = redisReaderCreate();
  struct sluice_redis_functions *functions =
      (struct sluice_redis_functions *)malloc(sizeof(struct sluice_redis_functions));
  if (!reader || !functions) {
    if (reader) redisReaderFree(reader);
    free(functions);
    return 0;
  }
  functions->own = *reader->fn;
  functions->array = reader->fn->createArray;
  functions->own.createArray = sluice_redis_array;
  reader->fn = &functions->own;
  reader->privdata = functions;
  return reader;
}

static inline void sluice_redis_reader_free(redisReader *reader) {
  if (!reader) return;
  void *functions = reader->privdata;
  redisReaderFree(reader);
  free(functions);
}
