// SPDX-License-Identifier: Apache-2.0
// Every error ditune throws. A message is one line: what is wrong, then in parentheses what to do.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace ditune {

class Error : public std::runtime_error {
 public:
  Error(const std::string& what, const std::string& remedy)
      : std::runtime_error(one_line(remedy.empty() ? what : what + " (" + remedy + ")")) {}

 private:
  // Messages quote what was read: its control characters become blanks.
  static std::string one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return text;
  }
};

// The request is wrong: a malformed size, an unknown name, a config that a constraint refuses.
class UsageError : public Error {
 public:
  using Error::Error;
};

// What was to be launched is not prepared, and cannot be while its stream is captured.
class NotPreparedError : public UsageError {
 public:
  using UsageError::UsageError;
};

// No GPU is visible, or there is no driver for one.
class NoDeviceError : public UsageError {
 public:
  using UsageError::UsageError;
};

// No kernel could be loaded or compiled, nor one that is built in.
class NoKernelError : public Error {
 public:
  using Error::Error;
};

// The CUDA driver or a device failed; the message carries the expression.
class CudaError : public Error {
 public:
  using Error::Error;
};

// A compiler is missing or refused a source.
class CompileError : public Error {
 public:
  CompileError(const std::string& what, const std::string& remedy, std::string log = {}, std::string source = {})
      : Error(what, remedy), log_(std::move(log)), source_(std::move(source)) {}
  const std::string& log() const { return log_; }        // the compiler's output
  const std::string& source() const { return source_; }  // what it was given

 private:
  std::string log_, source_;
};

class NvrtcError : public CompileError {
 public:
  using CompileError::CompileError;
};

// The machine failed a compiler, which has no memory, say, or lacks a part of itself: it says nothing of the source.
class CompilerFailure : public Error {
 public:
  using Error::Error;
};

// The host's C++ compiler, which kernels are emulated with.
class HostCompilerError : public CompileError {
 public:
  using CompileError::CompileError;
};

class DbError : public Error {
 public:
  enum class Kind {
    unusable,  // not there, not readable, not ours, or of a newer version: the request is wrong
    failed,    // the machine failed: disk full, I/O error
  };
  DbError(Kind kind, const std::string& what, const std::string& remedy) : Error(what, remedy), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace ditune
