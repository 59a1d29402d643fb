/* SPDX-License-Identifier: Apache-2.0 */
/* ditune for C and for whatever calls C: find the fastest fused INT8 GEMM of a layer, prepare it, launch it; and the
 * kernel that makes its int8 rows, ditune_quantize_problem.
 *
 * Y = epilogue(X[M,K] W[N,K]^T), X and W int8, row-major. Every function returns a status; where it is not
 * DITUNE_OK, ditune_last_error() has one line of UTF-8 that says what is wrong and what to do. Functions may be called
 * from any number of threads at once; closing a runtime while another thread uses it is an error of the program.
 *
 * Every struct is led by its size, set by the caller to sizeof: members are only ever added at its end, and what an
 * older caller does not have is taken as zero, which always means the default. Symbols are of version DITUNE_1. */
#ifndef DITUNE_H
#define DITUNE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define DITUNE_API __attribute__((visibility("default")))
#else
#define DITUNE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t ditune_status;
enum {
  DITUNE_OK = 0,
  DITUNE_INVALID_ARGUMENT = 1, /* null, out of range, misaligned, overlapping, a struct of the wrong size */
  DITUNE_INVALID_HANDLE = 2,   /* never opened, or closed */
  DITUNE_NOT_PREPARED = 3,     /* the stream is being captured: prepare before the capture */
  DITUNE_NO_KERNEL = 4,        /* no kernel could be loaded or compiled, nor one that is built in */
  DITUNE_DATABASE_ERROR = 5,   /* a database is not there, not readable, or damaged */
  DITUNE_CUDA_ERROR = 6,       /* the driver or a device failed */
  DITUNE_OUT_OF_MEMORY = 7,    /* of the host */
  DITUNE_INTERNAL = 8,
  DITUNE_NO_DEVICE = 9 /* no GPU is visible, or there is no driver for one; ditune_lookup needs neither */
};

/* 0 is no handle. A handle that was closed is told from one that was opened since, a kernel from one of another
 * runtime. */
typedef uint64_t ditune_runtime;
typedef struct ditune_kernel {
  uint64_t runtime;
  uint64_t id;
} ditune_kernel;

/* What is fused behind the accumulator: zero is the default of each. */
enum { DITUNE_SX_TOKEN = 0, DITUNE_SX_TENSOR = 1 };   /* sx: float32 [M], or one value */
enum { DITUNE_SW_CHANNEL = 0, DITUNE_SW_TENSOR = 1 }; /* sw: float32 [N], or one value */
enum { DITUNE_BIAS_NONE = 0, DITUNE_BIAS_F32 = 1, DITUNE_BIAS_BF16 = 2, DITUNE_BIAS_F16 = 3 }; /* [N] */
/* y = op(y), of columns from `from` on. SWIGLU: rows of W are interleaved, gate 0, up 0, gate 1, ... (see
 * ditune_interleave), and column j of Y is silu(y[2j]) * y[2j+1]: N / 2 columns. */
enum {
  DITUNE_OP_NONE = 0,
  DITUNE_OP_GELU_TANH = 1,
  DITUNE_OP_GELU_ERF = 2,
  DITUNE_OP_SILU = 3,
  DITUNE_OP_SIGMOID = 4,
  DITUNE_OP_SWIGLU = 5
};
/* y = r + g * y, behind the op; not with SWIGLU. r: [M, N] of this type, exactly y (in place) or apart from it. */
enum { DITUNE_RESIDUAL_NONE = 0, DITUNE_RESIDUAL_BF16 = 1, DITUNE_RESIDUAL_F16 = 2, DITUNE_RESIDUAL_F32 = 3 };
/* g, of the residual's type: [N]; or [gates, N], of which row m has row m / rows_per_gate, or row gate_index[m]. */
enum { DITUNE_GATE_NONE = 0, DITUNE_GATE_CHANNEL = 1, DITUNE_GATE_TABLE = 2, DITUNE_GATE_INDEX = 3 };
enum { DITUNE_OUT_BF16 = 0, DITUNE_OUT_F16 = 1, DITUNE_OUT_F32 = 2, DITUNE_OUT_S32 = 3 }; /* s32: none of the above */

typedef struct ditune_problem {
  size_t size;
  int64_t m, n, k;
  int32_t sx, sw, bias, op, out;
  int64_t from; /* 0: op is applied to all columns */
  int32_t residual, gate;
} ditune_problem;

/* The producer of a GEMM's rows, in one pass over X [M, K]; each step is optional, zero is the default of each:
 * residual, norm, modulation, activation, smoothing, rotation, quantization. docs/numerics.md has each to the rounding
 * step. */
enum { DITUNE_QUANTIZE_X_BF16 = 0, DITUNE_QUANTIZE_X_F16 = 1, DITUNE_QUANTIZE_X_F32 = 2 }; /* of x, x2, y and h */
/* h = x + y, x + g * y, or x + g * (rms_norm(y) * w1), rounded to the type of x; goes on in place of x. */
enum {
  DITUNE_QUANTIZE_RESIDUAL_NONE = 0,
  DITUNE_QUANTIZE_RESIDUAL_ADD = 1,
  DITUNE_QUANTIZE_RESIDUAL_GATE = 2,
  DITUNE_QUANTIZE_RESIDUAL_GATE_RMS = 3
};
/* RMS_HEAD: of each head alone. */
enum {
  DITUNE_QUANTIZE_NORM_NONE = 0,
  DITUNE_QUANTIZE_NORM_RMS = 1,
  DITUNE_QUANTIZE_NORM_LAYER = 2,
  DITUNE_QUANTIZE_NORM_RMS_HEAD = 3
};
/* w [K] of the norm: * w, or * (1 + w). */
enum { DITUNE_QUANTIZE_WEIGHT_NONE = 0, DITUNE_QUANTIZE_WEIGHT_PLAIN = 1, DITUNE_QUANTIZE_WEIGHT_PLUS_ONE = 2 };
enum { DITUNE_QUANTIZE_BIAS_NONE = 0, DITUNE_QUANTIZE_BIAS_PLAIN = 1 }; /* b [K] of the norm: + b */
/* * s, * (1 + s), or * (1 + s) + t. */
enum {
  DITUNE_QUANTIZE_MODULATE_NONE = 0,
  DITUNE_QUANTIZE_MODULATE_SCALE = 1,
  DITUNE_QUANTIZE_MODULATE_SCALE1 = 2,
  DITUNE_QUANTIZE_MODULATE_SCALE1_SHIFT = 3
};
/* g, s and t: [K]; or [tables, K], of which row m has row m / rows_per_image, or row index[m]. */
enum { DITUNE_QUANTIZE_TABLE_ALL = 0, DITUNE_QUANTIZE_TABLE_IMAGE = 1, DITUNE_QUANTIZE_TABLE_INDEX = 2 };
/* SWIGLU: X is [M, 2 K], its halves side by side; SWIGLU_INTERLEAVED: columns 2 k and 2 k + 1 belong together. */
enum {
  DITUNE_QUANTIZE_ACT_NONE = 0,
  DITUNE_QUANTIZE_ACT_GELU_TANH = 1,
  DITUNE_QUANTIZE_ACT_GELU_ERF = 2,
  DITUNE_QUANTIZE_ACT_SILU = 3,
  DITUNE_QUANTIZE_ACT_SWIGLU = 4,
  DITUNE_QUANTIZE_ACT_SWIGLU_INTERLEAVED = 5
};
enum { DITUNE_QUANTIZE_SMOOTH_OFF = 0, DITUNE_QUANTIZE_SMOOTH_ON = 1 };           /* c [K]: * c */
enum { DITUNE_QUANTIZE_PARAMETERS_SAME = 0, DITUNE_QUANTIZE_PARAMETERS_F32 = 1 }; /* type of g, s, t, w1, w, b and c */
enum { DITUNE_QUANTIZE_SCALE_TOKEN = 0, DITUNE_QUANTIZE_SCALE_TENSOR = 1 }; /* of each row, written; or one, read */
/* Rotary embedding of each head by the row's position: of its columns i and i + head / 2, or 2 i and 2 i + 1. */
enum { DITUNE_QUANTIZE_ROPE_NONE = 0, DITUNE_QUANTIZE_ROPE_HALF = 1, DITUNE_QUANTIZE_ROPE_PAIRS = 2 };
/* bf16 and f16: not quantized. */
enum { DITUNE_QUANTIZE_OUT_S8 = 0, DITUNE_QUANTIZE_OUT_BF16 = 1, DITUNE_QUANTIZE_OUT_F16 = 2 };

typedef struct ditune_quantize_problem {
  size_t size;
  int64_t m, k;
  int32_t x, residual, norm, weight, bias, modulate, table, act;
  int32_t split; /* columns from here on are those of x2, the others have no act; 0: there is no x2 */
  int32_t smooth;
  int32_t rotate; /* columns of a Hadamard group: 16, 64 or 256; 0 or 1: none */
  int32_t parameters, scale, out;
  int32_t head; /* of NORM_RMS_HEAD and of a rope: columns of a head, 16, 32, 64, 128 or 256, which divides K */
  int32_t rope;
} ditune_quantize_problem;

/* How well a kernel matches what was asked, best first. */
enum {
  DITUNE_MATCH_EXACT = 0,
  DITUNE_MATCH_NEAREST_M = 1,
  DITUNE_MATCH_STALE = 2,
  DITUNE_MATCH_OTHER_DEVICE = 3,
  DITUNE_MATCH_MODEL = 4,
  DITUNE_MATCH_DEFAULT = 5,
  DITUNE_MATCH_NONE = 6
};

enum { DITUNE_REGIME_BURST = 0, DITUNE_REGIME_SUSTAINED = 1 };

/* Whether ditune_prepare may call NVRTC, which takes some tenths of a second, for a kernel that no database has. NEVER:
 * such a GEMM is served by the kernel that is built in, which is slower, DITUNE_MATCH_DEFAULT; a
 * ditune_quantize_problem, of which none is built in, is DITUNE_NO_KERNEL. Lookups and miss callbacks say the same:
 * winners without a kernel of this version's templates do not answer, and the match is DEFAULT or NONE. */
enum { DITUNE_COMPILE_AS_NEEDED = 0, DITUNE_COMPILE_NEVER = 1 };

/* Told once of each problem that no record answers, on the thread that asks. `problem` is gone when it returns;
 * `command` is a line for a shell that tunes it, whatever its folder: `ditune tune` of the problem, with --gpu, the GPU
 * that was asked for, which is measured where it is and predicted where ditune knows it by name; with --db, the file
 * that the options name; and with the regime, if it is not bursts. It must not call back into the runtime. */
typedef void (*ditune_miss_callback)(const ditune_problem* problem, int32_t match, const char* command, void* user);

/* The same of a ditune_quantize_problem. */
typedef void (*ditune_quantize_miss_callback)(const ditune_quantize_problem* problem, int32_t match,
                                              const char* command, void* user);

typedef struct ditune_open_options {
  size_t size;
  const char* const* databases; /* files, the one that counts first in front; may be null if database_count is 0 */
  size_t database_count;
  int32_t regime;
  ditune_miss_callback on_miss;                   /* may be null */
  void* user;                                     /* handed to on_miss and on_quantize_miss */
  ditune_quantize_miss_callback on_quantize_miss; /* may be null */
  const char* nvrtc; /* the file of NVRTC; null or "": where the loader and the toolkit have it */
  int32_t compile;
  const char* tune_database; /* --db of the commands that misses are told with; null or "": databases[0], if there is
                              * one, else none, which is the program's own */
} ditune_open_options;

/* A GPU, which need not be here: name, arch and SMs as its driver has them. What is null or 0 is taken from a GPU that
 * ditune knows: the one of that name ("RTX 3090", "H100"), or the card that stands for the arch. */
typedef struct ditune_device {
  size_t size;
  const char* name; /* "NVIDIA GeForce RTX 3090" */
  int32_t arch;     /* 86 is sm_86 */
  int32_t sms;
} ditune_device;

typedef struct ditune_kernel_info {
  size_t size;
  int32_t match;
  int32_t device;          /* its ordinal; -1 of a lookup */
  int64_t workspace_bytes; /* of device memory: zeroed once, left zero by every launch, one for each stream */
  const char* config;      /* "mma_s8:tile=...", until the runtime is closed */
  const char* note;        /* why it is not what lookup found, or ""; until the runtime is closed */
} ditune_kernel_info;

/* Device memory, aligned to 16 bytes. Strides count elements. */
typedef struct ditune_args {
  size_t size;
  const void* x;    /* int8 [M, K], row stride ldx */
  const void* w;    /* int8 [N, K], row stride ldw */
  void* y;          /* [M, N], with SWIGLU [M, N / 2], row stride ldy, of the output type */
  const void* sx;   /* float32; null where the output is s32 */
  const void* sw;   /* float32; null where the output is s32 */
  const void* bias; /* of the bias type, or null */
  void* workspace;  /* workspace_bytes, or null if that is 0 */
  int64_t ldx, ldw, ldy;
  const void* r;             /* [M, N], row stride ldr, of the residual's type; null without one */
  const void* g;             /* of the residual's type; null without a gate */
  const int32_t* gate_index; /* [M], each from 0 to gates - 1, which the caller sees to; null but for GATE_INDEX */
  int64_t ldr, ldg;          /* ldg: of GATE_TABLE and GATE_INDEX */
  int64_t gates;             /* rows of g, of GATE_TABLE and GATE_INDEX */
  int64_t rows_per_gate;     /* of GATE_TABLE: gates * rows_per_gate is M or more */
} ditune_args;

/* The same of a ditune_quantize_problem; what it does not name is null. */
typedef struct ditune_quantize_args {
  size_t size;
  const void* x;        /* [M, K], row stride ldx; with SWIGLU [M, 2 K], with a split the columns below it alone */
  const void* x2;       /* the columns from the split on, row stride ldx2 */
  const void* y;        /* [M, K], row stride ldy: of a residual */
  void* h;              /* [M, K], row stride ldh: of a residual; apart, or exactly x: at its address with ldh == ldx */
  const void* g;        /* [K], or [tables, K] of row stride ldt */
  const void* s;        /* the same */
  const void* t;        /* the same */
  const int32_t* index; /* [M], each from 0 to tables - 1, which the caller sees to */
  const void* w1;       /* [K]: of GATE_RMS */
  const void* w;        /* [K] */
  const void* b;        /* [K] */
  const void* c;        /* [K] */
  void* q; /* [M, K], row stride ldq: int8, or of the output type. Apart from all else, but that it may be exactly x, at
            * its address with ldq == ldx, where both are of 16 bits, without a residual, a split or SWIGLU */
  void* scale; /* float32 [M], written; of SCALE_TENSOR one value, read; null where the output is not int8 */
  int64_t ldx, ldx2, ldy, ldh, ldt, ldq;
  int64_t tables;         /* rows of g, s and t, of TABLE_IMAGE and TABLE_INDEX */
  int64_t rows_per_image; /* of TABLE_IMAGE: tables * rows_per_image is M or more */
  double eps;             /* of the norms */
  const void* r; /* float32 [positions, head], row stride ldr: of a rope, cosine and sine of each pair in turns */
  int64_t ldr;
  int64_t positions; /* rows of r: row m of X has row m % positions */
} ditune_quantize_args;

/* "0.1.0" */
DITUNE_API const char* ditune_version(void);

/* Of the last call on this thread that failed; "" if none did. Until the next call on this thread. */
DITUNE_API const char* ditune_last_error(void);

/* Opens databases for reading; `options` may be null: no database, built-in kernels and what NVRTC compiles.
 * Where it fails the runtime is 0. At most 256 are open at once; one more is DITUNE_INVALID_ARGUMENT. */
DITUNE_API ditune_status ditune_open(const ditune_open_options* options, ditune_runtime* runtime);

/* Its kernels are gone with it; no launch of them may be in flight. */
DITUNE_API ditune_status ditune_close(ditune_runtime runtime);

/* How many winners of its databases are not used, because a value in them is wrong or out of range: their problems are
 * misses. `ditune show --skipped` lists them. */
DITUNE_API ditune_status ditune_skipped_rows(ditune_runtime runtime, int64_t* rows);

/* The kernel that ditune_prepare would look for on such a GPU. Needs no GPU, driver or compiler: nothing is loaded. The
 * caller sets info->size; of info, `note` is "", and `config` is "" where the match is DITUNE_MATCH_NONE. What was
 * asked before is answered without a lock. Where it fails info is left as it is. */
DITUNE_API ditune_status ditune_lookup(ditune_runtime runtime, const ditune_device* device,
                                       const ditune_problem* problem, ditune_kernel_info* info);

/* Finds, loads and where need be compiles the kernel for a problem on the CUDA device of that ordinal. Once: what is
 * prepared is found again without a lock, and takes about 1.5 KB until the runtime is closed. Where it fails the kernel
 * is {0, 0}. */
DITUNE_API ditune_status ditune_prepare(ditune_runtime runtime, int32_t device, const ditune_problem* problem,
                                        ditune_kernel* kernel);

/* The caller sets info->size. Where it fails info is left as it is. */
DITUNE_API ditune_status ditune_query(ditune_kernel kernel, ditune_kernel_info* info);

/* Queues a prepared kernel on `stream`, a cudaStream_t (or CUstream) of its device, which is the calling thread's
 * current one (a thread without one gets it), and returns: no lock, no allocation; may be captured. */
DITUNE_API ditune_status ditune_launch(ditune_kernel kernel, const ditune_args* args, void* stream);

/* The same by problem: prepares it if it is not, or returns DITUNE_NOT_PREPARED while the stream is being captured. */
DITUNE_API ditune_status ditune_run(ditune_runtime runtime, int32_t device, const ditune_problem* problem,
                                    const ditune_args* args, void* stream);

/* The four of them for a ditune_quantize_problem. ditune_query is the same; a kernel of the one kind is not launched by
 * the function of the other: DITUNE_INVALID_ARGUMENT. No kernel of this kind is built in. */
DITUNE_API ditune_status ditune_lookup_quantize(ditune_runtime runtime, const ditune_device* device,
                                                const ditune_quantize_problem* problem, ditune_kernel_info* info);
DITUNE_API ditune_status ditune_prepare_quantize(ditune_runtime runtime, int32_t device,
                                                 const ditune_quantize_problem* problem, ditune_kernel* kernel);
DITUNE_API ditune_status ditune_launch_quantize(ditune_kernel kernel, const ditune_quantize_args* args, void* stream);
DITUNE_API ditune_status ditune_run_quantize(ditune_runtime runtime, int32_t device,
                                             const ditune_quantize_problem* problem, const ditune_quantize_args* args,
                                             void* stream);

/* Rows of a gate and an up matrix [rows, row_bytes], host memory, as DITUNE_OP_SWIGLU takes them: gate 0, up 0, gate 1,
 * ... into `both`, [2 * rows, row_bytes], apart from them. For W, and for its scales and bias as rows of one value. */
DITUNE_API ditune_status ditune_interleave(const void* gate, const void* up, void* both, int64_t rows,
                                           int64_t row_bytes);

/* What ditune_run queues, on the CPU: no GPU, driver or runtime. Every operand is host memory; Y has the bits that a
 * kernel gives (docs/numerics.md) when it returns. `threads`, of which the calling one is one: 0, as many as the
 * machine has, to 1024; they change no bit. The arguments are ditune_run's, but that a pointer need be aligned to its
 * element alone (2 bytes for bf16 and f16, 4 for float32 and int32), sizes and strides are multiples of nothing, and
 * the workspace is not looked at. gate_index is: an index that is no row of g is DITUNE_INVALID_ARGUMENT. Where it
 * fails because of its arguments nothing is written. */
DITUNE_API ditune_status ditune_run_on_host(const ditune_problem* problem, const ditune_args* args, int32_t threads);

/* The same for a ditune_quantize_problem. */
DITUNE_API ditune_status ditune_run_quantize_on_host(const ditune_quantize_problem* problem,
                                                     const ditune_quantize_args* args, int32_t threads);

/* The problem as ditune's commands and databases write it, "gemm_s8:m=6144,n=13824,k=4608,bias=bf16", with a zero
 * behind it: into `text`, of `size` bytes. Problems that mean the same have the same text. At most 255 characters as of
 * now; where `size` is too small it is DITUNE_INVALID_ARGUMENT, and the text is left as it is. */
DITUNE_API ditune_status ditune_format(const ditune_problem* problem, char* text, size_t size);

/* The same of a ditune_quantize_problem: "quantize_s8:m=6144,k=4608,norm=rms". */
DITUNE_API ditune_status ditune_format_quantize(const ditune_quantize_problem* problem, char* text, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* DITUNE_H */
