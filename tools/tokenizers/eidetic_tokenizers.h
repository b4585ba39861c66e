/* Hugging Face's tokenizers (https://docs.rs/tokenizers) as far as Eidetic needs them: a tokenizer.json, and texts to
 * ids. Nothing throws or panics across this interface. An error is a text, cut to `error_size` bytes and ended by a
 * zero. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct eidetic_tokenizer eidetic_tokenizer;

/* Of the bytes of a tokenizer.json. Texts become at most `length` ids, whatever the file says of truncation and
 * padding; random choices (dropout) are off. NULL: an error. */
eidetic_tokenizer* eidetic_tokenizer_new(const char* json, size_t size, size_t length, char* error, size_t error_size);
void eidetic_tokenizer_free(eidetic_tokenizer* tokenizer);

/* UTF-8 to ids, those around every text among them; `ids` has room for `length`. How many there are, and in `*cut` how
 * many more the text has that were left out. -1: an error. From any thread. */
int64_t eidetic_tokenizer_encode(const eidetic_tokenizer* tokenizer, const char* text, size_t size, uint32_t* ids,
                                 size_t* cut, char* error, size_t error_size);

/* How many of the ids stand around every text. */
size_t eidetic_tokenizer_around(const eidetic_tokenizer* tokenizer);
/* The id of a token, or that of padding where the file names one; -1: there is none. */
int64_t eidetic_tokenizer_id(const eidetic_tokenizer* tokenizer, const char* token, size_t size);
int64_t eidetic_tokenizer_padding(const eidetic_tokenizer* tokenizer);

#ifdef __cplusplus
}
#endif
