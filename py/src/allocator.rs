//! The allocator of the package, and how it gives memory back to the system.

#![expect(unsafe_code, reason = "the allocator is a C library")]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

unsafe extern "C" {
    // SAFETY: mimalloc, which is linked as the allocator, has this function in each version. It
    // may be called at any time and from any thread, and takes away free memory only.
    safe fn mi_collect(force: bool);
}

/// Gives memory that is free to the system, in a few milliseconds.
///
/// The allocator keeps what was freed for a second, and an idle process for ever: after an import,
/// that is more than half of what its twins take.
pub(crate) fn give_back() {
    mi_collect(true);
}
