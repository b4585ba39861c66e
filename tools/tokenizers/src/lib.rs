//! The C interface of eidetic_tokenizers.h, which is its contract.

use std::ffi::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;
use tokenizers::models::ModelWrapper;
use tokenizers::{PostProcessor, Tokenizer, TruncationDirection};

pub struct Handle {
    tokenizer: Tokenizer,
    length: usize,
    direction: TruncationDirection,
    around: usize,
    padding: Option<u32>,
}

/// What `work` gives, or why not: its error, or what it panicked with, and nothing on standard error.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static SILENT: Once = Once::new();
    SILENT.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        Err(said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_string())
    })
}

/// # Safety
/// `error` has room for `size` bytes.
unsafe fn tell(message: &str, error: *mut c_char, size: usize) {
    if error.is_null() || size == 0 {
        return;
    }
    // The library cuts strings of hostile files at bytes without looking: what it quotes need not be UTF-8.
    let message = String::from_utf8_lossy(message.as_bytes());
    let mut end = message.len().min(size - 1);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    std::ptr::copy_nonoverlapping(message.as_ptr(), error.cast(), end);
    *error.add(end) = 0;
}

/// # Safety
/// `data` has `size` bytes that live as long as what is made of them.
unsafe fn bytes<'a>(data: *const c_char, size: usize) -> &'a [u8] {
    if size == 0 { &[] } else { std::slice::from_raw_parts(data.cast(), size) }
}

fn make(json: &[u8], length: usize) -> Result<Handle, String> {
    let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
    let around = tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
    if around >= length {
        return Err(format!("it puts {around} tokens around every text, which leaves no room in {length}"));
    }
    let mut model = tokenizer.get_model().clone();
    // Caches are shared by threads and grow with what is asked; queries are short and seldom the same.
    model.resize_cache(0);
    match &mut model {
        ModelWrapper::BPE(bpe) => bpe.dropout = None,
        ModelWrapper::Unigram(unigram) => (unigram.alpha, unigram.nbest_size) = (None, None),
        _ => {}
    }
    tokenizer.with_model(model);
    let padding = tokenizer.get_padding().map(|padding| padding.pad_id);
    tokenizer.with_padding(None);
    let direction = tokenizer.get_truncation().map(|truncation| truncation.direction).unwrap_or_default();
    tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
    Ok(Handle { tokenizer, length, direction, around, padding })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn eidetic_tokenizer_new(
    json: *const c_char,
    size: usize,
    length: usize,
    error: *mut c_char,
    error_size: usize,
) -> *mut Handle {
    match guarded(|| make(bytes(json, size), length)) {
        Ok(handle) => Box::into_raw(Box::new(handle)),
        Err(message) => {
            tell(&message, error, error_size);
            std::ptr::null_mut()
        }
    }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn eidetic_tokenizer_free(tokenizer: *mut Handle) {
    if !tokenizer.is_null() {
        drop(Box::from_raw(tokenizer));
    }
}

/// The ids, and how many were cut off. Cut here and not by the library, which stops to count where it has enough.
fn encode(handle: &Handle, text: &[u8]) -> Result<(Vec<u32>, usize), String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let mut encoding = handle.tokenizer.encode_fast(text, false).map_err(|error| error.to_string())?;
    let room = handle.length - handle.around;
    let cut = encoding.len().saturating_sub(room);
    encoding.truncate(room, 0, handle.direction);
    encoding.take_overflowing();
    let encoding = handle.tokenizer.post_process(encoding, None, true).map_err(|error| error.to_string())?;
    if encoding.len() > handle.length {
        return Err(format!("it gives {} ids where {} were asked for", encoding.len(), handle.length));
    }
    Ok((encoding.get_ids().to_vec(), cut))
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn eidetic_tokenizer_encode(
    tokenizer: *const Handle,
    text: *const c_char,
    size: usize,
    ids: *mut u32,
    cut: *mut usize,
    error: *mut c_char,
    error_size: usize,
) -> i64 {
    match guarded(|| encode(&*tokenizer, bytes(text, size))) {
        Ok((found, left_out)) => {
            std::ptr::copy_nonoverlapping(found.as_ptr(), ids, found.len());
            *cut = left_out;
            found.len() as i64
        }
        Err(message) => {
            tell(&message, error, error_size);
            -1
        }
    }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn eidetic_tokenizer_around(tokenizer: *const Handle) -> usize {
    (*tokenizer).around
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn eidetic_tokenizer_id(tokenizer: *const Handle, token: *const c_char, size: usize) -> i64 {
    let found = guarded(|| {
        let token = std::str::from_utf8(bytes(token, size)).map_err(|error| error.to_string())?;
        (*tokenizer).tokenizer.token_to_id(token).ok_or_else(String::new)
    });
    found.map_or(-1, i64::from)
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn eidetic_tokenizer_padding(tokenizer: *const Handle) -> i64 {
    (*tokenizer).padding.map_or(-1, i64::from)
}
