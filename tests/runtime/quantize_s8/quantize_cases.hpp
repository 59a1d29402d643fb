// SPDX-License-Identifier: Apache-2.0
// Operations that between them have every step of quantize_s8, in each of its forms.
#pragma once

#include <array>

#include "core/kind.hpp"
#include "core/quantize_s8/quantize.hpp"

namespace ditune::test {

inline constexpr std::array kQuantizeCases{
    "m=1,k=1",
    "m=3,k=7,x=f16",
    "m=2,k=300,x=f32",
    "m=3,k=24,residual=add",
    "m=5,k=301,x=f16,residual=gate",
    "m=5,k=300,x=f32,residual=gate,table=image",
    "m=5,k=300,residual=gate,table=index,parameters=f32",
    "m=3,k=1031,residual=gate_rms",
    "m=5,k=300,x=f16,residual=gate_rms,table=image",
    "m=5,k=300,x=f32,residual=gate_rms,table=index",
    "m=1,k=1,norm=rms",
    "m=2,k=1,x=f32,norm=layer,residual=add",
    "m=3,k=65,norm=rms",
    "m=3,k=1031,norm=rms,weight=plain",
    "m=3,k=300,x=f16,norm=rms,weight=plus_one,parameters=f32",
    "m=3,k=300,norm=rms,weight=plain,bias=plain",
    "m=3,k=1031,norm=layer",
    "m=3,k=13,x=f32,norm=layer,weight=plain,bias=plain",
    "m=3,k=300,norm=layer,weight=plus_one,bias=plain,parameters=f32",
    "m=3,k=300,modulate=scale",
    "m=5,k=300,x=f16,modulate=scale1,table=image",
    "m=5,k=300,modulate=scale1_shift,table=index",
    "m=3,k=300,x=f32,modulate=scale1_shift",
    "m=3,k=300,act=gelu_tanh",
    "m=3,k=300,x=f16,act=gelu_erf",
    "m=3,k=300,x=f32,act=silu",
    "m=3,k=301,act=swiglu",
    "m=3,k=301,x=f32,act=swiglu_interleaved",
    "m=3,k=300,split=1",
    "m=3,k=300,split=299,act=silu",
    "m=3,k=301,x=f16,split=123,act=gelu_tanh",
    "m=3,k=301,split=123,act=swiglu",
    "m=3,k=301,x=f32,split=101,act=swiglu_interleaved,smooth=on",
    "m=3,k=300,smooth=on",
    "m=3,k=48,x=f32,rotate=16",
    "m=3,k=320,rotate=64",
    "m=3,k=768,x=f16,rotate=256",
    "m=2,k=512,split=100,act=swiglu,smooth=on,rotate=256",
    "m=3,k=48,norm=rms_head,head=16",
    "m=5,k=768,x=f16,norm=rms_head,weight=plain,head=256,rope=half",
    "m=4,k=384,norm=rms_head,weight=plus_one,bias=plain,head=128,rope=pairs,parameters=f32",
    "m=5,k=320,x=f32,norm=rms,weight=plain,head=64,rope=pairs",
    "m=2,k=96,residual=gate,norm=layer,modulate=scale1_shift,head=32,rope=half",
    "m=5,k=768,residual=gate_rms,norm=layer,weight=plus_one,bias=plain,modulate=scale1_shift,table=image,act=gelu_erf,"
    "smooth=on,rotate=256,parameters=f32",
    "m=5,k=1280,x=f32,residual=gate,norm=rms,weight=plain,modulate=scale1_shift,table=index,act=silu,rotate=64",
};

// The same with another output.
inline Quantize with_output(const char* text, QuantizedType out) {
  Quantize quantize = Kind<Quantize>::parse(text);
  quantize.prologue.out = out;
  return quantize;
}

}  // namespace ditune::test
