/**
 * log - one line per event, JSON or key=value, escaped at the sink.
 *
 * A function either logs or returns an error, never both. Nothing from bodies, no secrets.
 * Thread-safe: whole lines go to standard error, each in a write(2) of its own, or some at a time
 * from a thread that holds them. What standard error does not take, on a full disk, is dropped and
 * counted; the first line that it takes again says how much that was.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/** One pair of a line. @text NULL and no number leaves the pair out. */
struct log_field {
    const char *key;
    const char *text;
    int64_t number;
    bool is_number;
};

#define LOG_TEXT(k, v) ((struct log_field){.key = (k), .text = (v)})
#define LOG_NUM(k, v) ((struct log_field){.key = (k), .number = (int64_t)(v), .is_number = true})

/** Sets what is written: lines up to @level; JSON objects if @json, else key=value. */
void log_setup(enum log_level level, bool json);

/** Returns the level of this name ("error", "warn", "info", "debug"); info for any other. */
enum log_level log_level_of(const char *name);

/** Writes one line: time, level, @message and @n fields. */
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               unsigned n);

/** From now on lines of this thread wait for log_flush(), for a warning or error, or for 4 KiB of
 * them: a pipe takes so much in one piece. log_release() ends that. */
void log_hold(void);
void log_release(void);

/** Writes the lines that wait. */
void log_flush(void);

/** Returns how many lines were lost since the start. */
uint64_t log_dropped(void);

#define LOG_FIELDS(...)                                                                            \
    ((const struct log_field[]){__VA_ARGS__}),                                                     \
        (sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/** log_info("serving", LOG_TEXT("url", url), LOG_NUM("workers", n)); at least one field. */
#define log_error(message, ...) log_write(LOG_LEVEL_ERROR, message, LOG_FIELDS(__VA_ARGS__))
#define log_warn(message, ...) log_write(LOG_LEVEL_WARN, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...) log_write(LOG_LEVEL_INFO, message, LOG_FIELDS(__VA_ARGS__))
#define log_debug(message, ...) log_write(LOG_LEVEL_DEBUG, message, LOG_FIELDS(__VA_ARGS__))

#endif
