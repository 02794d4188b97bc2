//! SPDX-License-Identifier: GPL-3.0-or-later
//!
//! zig build         the CPython extension -> zig-out/_native.abi3.so, with -Dpython= a Python that has cffi, and the
//!                   watchdog -> zig-out/_watchdog; add -Dtarget= for another machine
//! zig build test    the C tests, with UndefinedBehaviourSanitizer on
//! zig build cross   the core as a static library for every device target, the watchdog, and the C tests to run there
const std = @import("std");

const sources = &.{
    "topic.c", "trie.c",  "predicate.c", "window.c", "condition.c", "bus.c",  "matches.c",
    "emit.c",  "queue.c", "inbox.c",     "pick.c",   "json.c",      "cbor.c",
    "luma.c",  "sound.c",
};
const flags = &.{ "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-ffp-contract=off" };

/// OpenWrt and Raspberry Pi, and what the C tests are linked for. MIPS is soft float, as OpenWrt builds it, for which there
/// is no C library in Debian: its tests are static, and half a minute goes into compiling musl. The others are linked with
/// glibc, as Debian has that for the processors that it emulates; the core calls next to nothing of either.
const Device = struct { target: []const u8, tests: []const u8 };
const devices = [_]Device{
    .{ .target = "x86_64-linux-musl", .tests = "x86_64-linux-gnu" },
    .{ .target = "aarch64-linux-musl", .tests = "aarch64-linux-gnu" },
    .{ .target = "arm-linux-musleabihf", .tests = "arm-linux-gnueabihf" },
    .{ .target = "mipsel-linux-musleabi", .tests = "mipsel-linux-musleabi" },
    .{ .target = "riscv64-linux-musl", .tests = "riscv64-linux-gnu" },
};

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    extension(b, target, optimize);
    b.getInstallStep().dependOn(&b.addInstallFile(watchdog(b, target, .small).getEmittedBin(), "_watchdog").step);

    b.step("test", "run the C tests").dependOn(&b.addRunArtifact(tests(b, target, .debug)).step);

    const cross = b.step("cross", "compile the core for every device target");
    for (devices) |device| {
        const target_of_device = parsed(b, device.target);
        const library = b.addLibrary(.{ .name = "ganglion", .root_module = core(b, target_of_device, .small) });
        const run_there = tests(b, parsed(b, device.tests), .small);
        for ([_]*std.Build.Step.Compile{ library, run_there, watchdog(b, target_of_device, .small) }) |made| {
            const folder: std.Build.InstallDir = .{ .custom = device.target };
            cross.dependOn(&b.addInstallArtifact(made, .{ .dest_dir = .{ .override = folder } }).step);
        }
    }
}

fn parsed(b: *std.Build, triple: []const u8) std.Build.ResolvedTarget {
    return b.resolveTargetQuery(std.Target.Query.parse(.{ .arch_os_abi = triple }) catch @panic("not a target"));
}

/// The C tests, as a program.
fn tests(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.Optimize) *std.Build.Step.Compile {
    const exe = b.addExecutable(.{ .name = "test_core", .root_module = core(b, target, optimize) });
    exe.root_module.addCSourceFile(.{ .file = b.path("tests/native/test_core.c"), .flags = flags });
    // What is undefined ends it by a signal: the library that would also say where takes half a minute to compile.
    if (optimize == .debug) exe.root_module.sanitize_c = .trap;
    leaveRuntimeOut(exe);
    exe.root_module.pic = null; // zig 0.17 cannot link its own libc for mipsel with it
    return exe;
}

/// The process that makes a node's actuators safe when the node cannot. It uses the device's own C library: a static one
/// would be compiled for each, for minutes, and be larger.
fn watchdog(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.Optimize) *std.Build.Step.Compile {
    const module = b.createModule(.{ .target = target, .optimize = optimize, .link_libc = true });
    module.addCSourceFile(.{ .file = b.path("native/watchdog/watchdog.c"), .flags = flags });
    module.strip = true;
    const exe = b.addExecutable(.{ .name = "ganglion-watchdog", .root_module = module, .linkage = .dynamic });
    leaveRuntimeOut(exe);
    return exe;
}

/// Leaves the compiler's runtime out where nothing is taken of it: zig compiles it for each target, for five seconds.
/// What 32-bit processors divide and unwind with is there; a symbol that is missing ends the build.
fn leaveRuntimeOut(exe: *std.Build.Step.Compile) void {
    if (exe.rootModuleTarget().ptrBitWidth() == 64) exe.bundle_compiler_rt = false;
}

/// The C core alone; nothing of Python.
fn core(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.Optimize) *std.Build.Module {
    const module = b.createModule(.{ .target = target, .optimize = optimize, .link_libc = true, .pic = true });
    module.addIncludePath(b.path("native/include"));
    module.addCSourceFiles(.{ .root = b.path("native/src"), .files = sources, .flags = flags });
    return module;
}

/// ganglion._native: the core, and the glue that cffi writes from ganglion.cdef.
fn extension(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.Optimize) void {
    const python = b.option([]const u8, "python", "a Python that has cffi (default: python3)") orelse "python3";

    const cffi = b.addSystemCommand(&.{ python, "-m", "cffi.gen_src", "read-sources", "ganglion._native" });
    cffi.addFileArg(b.path("native/ganglion.cdef"));
    cffi.addFileArg(b.path("native/include/ganglion.h"));
    const glue = cffi.addOutputFileArg("_native.c");

    const module = core(b, target, optimize);
    module.addIncludePath(b.path("native/python"));
    module.addCMacro("Py_LIMITED_API", "0x030b0000");
    // The glue is not ours to keep free of warnings. module.c has the module's entry, and calls the glue's.
    module.addCSourceFile(.{ .file = glue, .flags = &.{ "-w", "-DPyInit__native=gg_cffi_module" } });
    const lane = &.{ "module.c", "lane.c", "telling.c", "intake.c", "codec.c" };
    module.addCSourceFiles(.{ .root = b.path("native/python"), .files = lane, .flags = flags });
    module.strip = optimize != .debug;

    const library = b.addLibrary(.{ .name = "_native", .linkage = .dynamic, .root_module = module });
    library.linker_allow_shlib_undefined = true; // Python's symbols come from the interpreter that loads it
    b.getInstallStep().dependOn(&b.addInstallFile(library.getEmittedBin(), "_native.abi3.so").step);
}
