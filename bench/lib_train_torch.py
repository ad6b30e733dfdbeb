#!/usr/bin/env python3
"""Repeats a run of `sillok train` in PyTorch, from what tests/tool_train_dump wrote: the same model, first weights,
batches and optimiser. A development oracle for bench/train.sh. Prints a line of JSON: losses and tokens per second.
usage: lib_train_torch.py DUMP STEPS THREADS BETA1 BETA2 EPS DECAY CLIP"""
import json
import struct
import sys
import time

import torch
import torch.nn.functional as F

path, steps, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
beta1, beta2, adam_eps, decay, clip = map(float, sys.argv[4:9])
torch.set_num_threads(threads)
data = memoryview(open(path, "rb").read())
at = 0


def take(fmt):
    global at
    v = struct.unpack_from("<" + fmt, data, at)
    at += struct.calcsize("<" + fmt)
    return v


def array(n, dtype):
    global at
    t = torch.frombuffer(bytearray(data[at:at + 4 * n]), dtype=dtype)
    at += 4 * n
    return t


family, layers, width, heads, kv_heads, dim, ffn, vocab, ctx, tied = take("10I")
eps, base = take("2f")
assert family == 1 and tied, "this script knows tied Qwen3 models"
params, groups = [], ([], [])
for _ in range(take("I")[0]):
    rows, cols, decays = take("3I")
    w = array(rows * cols, torch.float32)
    p = torch.nn.Parameter((w if rows == 1 else w.reshape(rows, cols)).clone())
    params.append(p)
    groups[decays].append(p)

half = dim // 2
freq = torch.arange(half, dtype=torch.float64) * (-2 / dim)
angle = torch.arange(ctx, dtype=torch.float64)[:, None] * torch.pow(torch.tensor(base, dtype=torch.float64), freq)
cosine, sine = angle.cos().float(), angle.sin().float()


def norm(x, w):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * w


def rotate(x):  # [batch, heads, n, dim]
    n = x.shape[2]
    a, b, c, s = x[..., :half], x[..., half:], cosine[:n], sine[:n]
    return torch.cat((a * c - b * s, a * s + b * c), -1)


def forward(ids):  # [batch, n]
    b, n = ids.shape
    x = F.embedding(ids, params[0])
    mask = torch.full((n, n), float("-inf")).triu(1)
    at = 1
    for _ in range(layers):
        n1, qkv, qn, kn, o, n2, gate_up, down = params[at:at + 8]
        at += 8
        y = F.linear(norm(x, n1), qkv).reshape(b, n, heads + 2 * kv_heads, dim).transpose(1, 2)
        q, k, v = y.split((heads, kv_heads, kv_heads), 1)
        q, k = rotate(norm(q, qn)), rotate(norm(k, kn))
        k, v = (t.repeat_interleave(heads // kv_heads, 1) for t in (k, v))
        p = torch.softmax(q @ k.transpose(2, 3) / dim ** 0.5 + mask, -1)
        x = x + F.linear((p @ v).transpose(1, 2).reshape(b, n, heads * dim), o)
        g, u = F.linear(norm(x, n2), gate_up).split(ffn, -1)
        x = x + F.linear(F.silu(g) * u, down)
    return F.linear(norm(x, params[at]), params[0])


optimizer = torch.optim.AdamW([{"params": groups[1], "weight_decay": decay}, {"params": groups[0], "weight_decay": 0}],
                              betas=(beta1, beta2), eps=adam_eps)
losses, tokens, seconds = [], 0, 0.0
for step in range(steps):
    batches = []
    for _ in range(take("I")[0]):
        n, n_docs = take("2I")
        doc_at = array(n_docs + 1, torch.int32).tolist()
        ids, targets = array(n, torch.int32).long(), array(n, torch.int32).long()
        array(n, torch.float32)
        batches.append((doc_at, ids, targets))
    rate = take("d")[0]
    began = time.perf_counter()
    total, count = 0.0, sum(len(b[1]) for b in batches)
    for doc_at, ids, targets in batches:
        lengths = [b - a for a, b in zip(doc_at, doc_at[1:])]
        for length in sorted(set(lengths)):  # documents of one length are a dense batch
            pick = [a for a, n in zip(doc_at, lengths) if n == length]
            x = torch.stack([ids[a:a + length] for a in pick])
            y = torch.stack([targets[a:a + length] for a in pick])
            loss = F.cross_entropy(forward(x).reshape(-1, vocab), y.reshape(-1), reduction="sum") / count
            loss.backward()
            total += loss.item()
    torch.nn.utils.clip_grad_norm_(params, clip)
    for g in optimizer.param_groups:
        g["lr"] = rate
    optimizer.step()
    optimizer.zero_grad()
    if step:  # the first warms up
        seconds += time.perf_counter() - began
        tokens += count
    losses.append(total)
print(json.dumps({"losses": losses, "tokens_per_s": tokens / seconds, "torch": torch.__version__}))
