class Ops(Module):
  __parameters__ = []
  __buffers__ = []
  def to_fp64(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.to(x, 7, False, True)
  def to_fp32(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.to(x, 6, False, True)
  def to_bf16(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.to(x, 15, False, True)
  def to_fp16(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.to(x, 5, False, True)
  def to_int64(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.to(x, 4, False, True)
  def to_uint8(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.to(x, 0, False, True)
  def bits_bf16(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.view_copy(x, dtype=15)
  def bits_fp16(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.view_copy(x, dtype=5)
  def contiguous(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.contiguous(x)
  def plain(self: __torch__.Ops, x: Tensor) -> Tensor:
    return torch.contiguous(torch.to(torch.detach(x), torch.device("cpu")))
  def map(self: __torch__.Ops, name: Tensor, numbers: Tensor) -> Tensor:
    path = ""
    for i in range(torch.size(name, 0)):
      path = torch.add(path, chr(int(name[i])))
    begin = int(numbers[0])
    length = int(numbers[1])
    all = torch.from_file(path, bool(numbers[2]), torch.add(begin, length), dtype=int(numbers[3]))
    return torch.narrow(all, 0, begin, length)
  def copy(self: __torch__.Ops, into: Tensor, x: Tensor) -> Tensor:
    return torch.copy_(into, x)
  def add(self: __torch__.Ops, x: Tensor, s: Tensor) -> Tensor:
    return torch.add(x, float(s))
  def sub(self: __torch__.Ops, x: Tensor, s: Tensor) -> Tensor:
    return torch.sub(x, float(s))
  def mul(self: __torch__.Ops, x: Tensor, s: Tensor) -> Tensor:
    return torch.mul(x, float(s))
  def div(self: __torch__.Ops, x: Tensor, s: Tensor) -> Tensor:
    return torch.div(x, float(s))
  def index_select(self: __torch__.Ops, x: Tensor, indices: Tensor) -> Tensor:
    return torch.index_select(x, 0, indices)
  def widen(self: __torch__.Ops, x: Tensor) -> Tensor:
    if torch.eq(ops.prim.dtype(x), 7):
      y = x
    else:
      y = torch.to(x, 6)
    return y
  def requires_gradient(self: __torch__.Ops, x: Tensor) -> bool:
    return ops.prim.requires_grad(x)
  def drop_values(self: __torch__.Ops, x: Tensor) -> Tensor:
    ones = annotate(List[int], [])
    for i in range(torch.dim(x)):
      _0 = torch.append(ones, 1)
    small = torch.empty(ones, dtype=ops.prim.dtype(x), device=ops.prim.device(x))
    torch.set_data(x, torch.expand(small, torch.size(x)))
    return x
  def gradient_edge(self: __torch__.Ops, x: Tensor) -> Tensor:
    return (self).drop_values(torch._unsafe_view(x, torch.size(x)), )
  def linear(self: __torch__.Ops, x: Tensor, w: Tensor) -> Tensor:
    return torch.linear(x, w)
  def tile_rows(self: __torch__.Ops, x: Tensor, w: Tensor, bytes: Tensor) -> int:
    row = torch.mul(torch.size(w, 1), torch.element_size(x))
    rows = torch.mul(torch.floordiv(torch.floordiv(int(bytes), row), 16), 16)
    return ops.prim.min(torch.size(w, 0), ops.prim.max(16, rows))
  def widened_linear(self: __torch__.Ops, x: Tensor, w: Tensor, bytes: Tensor) -> Tensor:
    out = torch.size(w, 0)
    most = (self).tile_rows(x, w, bytes, )
    result = torch.empty([torch.size(x, 0), out], dtype=ops.prim.dtype(x), device=ops.prim.device(x))
    tile = torch.empty([most, torch.size(w, 1)], dtype=ops.prim.dtype(x), device=ops.prim.device(x))
    for i in range(torch.floordiv(torch.sub(torch.add(out, most), 1), most)):
      begin = torch.mul(i, most)
      rows = ops.prim.min(most, torch.sub(out, begin))
      part = torch.narrow(tile, 0, 0, rows)
      _0 = torch.copy_(part, torch.narrow(w, 0, begin, rows))
      _1 = torch.mm(x, torch.t(part), out=torch.narrow(result, 1, begin, rows))
    return result
  def widened_linear_input(self: __torch__.Ops, g: Tensor, w: Tensor, bytes: Tensor) -> Tensor:
    out = torch.size(w, 0)
    most = (self).tile_rows(g, w, bytes, )
    result = torch.zeros([torch.size(g, 0), torch.size(w, 1)], dtype=ops.prim.dtype(g), device=ops.prim.device(g))
    tile = torch.empty([most, torch.size(w, 1)], dtype=ops.prim.dtype(g), device=ops.prim.device(g))
    for i in range(torch.floordiv(torch.sub(torch.add(out, most), 1), most)):
      begin = torch.mul(i, most)
      rows = ops.prim.min(most, torch.sub(out, begin))
      part = torch.narrow(tile, 0, 0, rows)
      _0 = torch.copy_(part, torch.narrow(w, 0, begin, rows))
      _1 = torch.addmm_(result, torch.narrow(g, 1, begin, rows), part, beta=1, alpha=1)
    return result
  def int8_rows(self: __torch__.Ops, codes: Tensor, factors: Tensor, numbers: Tensor) -> Tensor:
    begin = int(numbers[0])
    rows = int(numbers[1])
    own = torch.to(torch.view_copy(torch.narrow(codes, 0, begin, rows), dtype=1), 6)
    return torch.mul_(own, torch.unsqueeze(torch.narrow(factors, 0, begin, rows), 1))
  def nf4_factors(self: __torch__.Ops, codes: Tensor, groups: Tensor, offset: Tensor, table: Tensor) -> Tensor:
    block = torch.index_select(table, 0, torch.to(codes, 3))
    return torch.add_(torch.mul_(block, groups), offset)
  def narrow_quads(self: __torch__.Ops, quads: Tensor) -> Tensor:
    return torch.view_copy(torch.to(quads, 15), dtype=4)
  def nf4_rows(self: __torch__.Ops, codes: Tensor, scales: Tensor, groups: Tensor, offset: Tensor, values: Tensor, table: Tensor, numbers: Tensor) -> Tensor:
    begin = int(numbers[0])
    rows = int(numbers[1])
    width = int(numbers[2])
    start = torch.mul(begin, width)
    count = torch.mul(rows, width)
    bytes = torch.narrow(codes, 0, torch.floordiv(start, 2), torch.floordiv(count, 2))
    device = ops.prim.device(codes)
    known = torch.to(values, device)
    if torch.eq(ops.prim.dtype(known), 4):
      quads = torch.add_(torch.to(torch.view_copy(torch.clone(bytes), dtype=2), 3), 32768)
      found = torch.view_copy(torch.index_select(known, 0, quads), dtype=15)
    else:
      found = torch.view_as_real(torch.index_select(torch.view_as_complex(known), 0, torch.to(bytes, 3)))
    elements = torch.reshape(found, [-1, 64])
    first = torch.floordiv(start, 64)
    blocks = torch.floordiv(count, 64)
    own = torch.narrow(scales, 0, first, blocks)
    if torch.eq(ops.prim.dtype(own), 6):
      factors = own
    else:
      group = torch.floordiv(first, 256)
      last = torch.floordiv(torch.sub(torch.add(first, blocks), 1), 256)
      each = torch.repeat_interleave(torch.narrow(groups, 0, group, torch.add(torch.sub(last, group), 1)), 256)
      each0 = torch.narrow(each, 0, torch.sub(first, torch.mul(group, 256)), blocks)
      factors = (self).nf4_factors(own, each0, offset, torch.to(table, device), )
    return torch.reshape(torch.mul_(elements, torch.to(torch.unsqueeze(factors, 1), ops.prim.dtype(elements))), [rows, width])
  def product_into(self: __torch__.Ops, result: Tensor, x: Tensor, tile: Tensor, begin: Tensor) -> Tensor:
    part = torch.narrow(result, 1, int(begin), torch.size(tile, 0))
    return torch.mm(x, torch.t(torch.to(tile, ops.prim.dtype(x))), out=part)
  def add_product_into(self: __torch__.Ops, result: Tensor, g: Tensor, tile: Tensor, begin: Tensor) -> Tensor:
    part = torch.narrow(g, 1, int(begin), torch.size(tile, 0))
    return torch.addmm_(result, part, torch.to(tile, ops.prim.dtype(g)), beta=1, alpha=1)
  def matrix_like(self: __torch__.Ops, x: Tensor, width: Tensor) -> Tensor:
    return torch.zeros([torch.size(x, 0), int(width)], dtype=ops.prim.dtype(x), device=ops.prim.device(x))
  def mkldnn_takes_bf16(self: __torch__.Ops, x: Tensor) -> bool:
    return ops.mkldnn._is_mkldnn_bf16_supported()
  def pack(self: __torch__.Ops, w: Tensor) -> Tensor:
    return ops.mkldnn._reorder_linear_weight(torch.detach(w), None)
  def packed_linear(self: __torch__.Ops, x: Tensor, w: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(x, w, None, "none", annotate(List[Optional[number]], []), "")
  def lora_linear(self: __torch__.Ops, x: Tensor, w: Tensor, a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
    y = torch.linear(x, w)
    return torch.addmm_(y, torch.linear(x, a), torch.t(b), beta=1, alpha=float(scale))
  def rms_norm(self: __torch__.Ops, x: Tensor, w: Tensor, eps: Tensor) -> Tensor:
    dtype = ops.prim.dtype(x)
    wide = (self).widen(x, )
    square = torch.mean(torch.mul(wide, wide), [-1], True)
    y = torch.mul(wide, torch.rsqrt(torch.add(square, float(eps))))
    return torch.mul(torch.to(y, dtype), w)
  def rope(self: __torch__.Ops, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    n, heads, dim, = torch.size(x)
    halves = torch.reshape(torch.to(x, ops.prim.dtype(cos)), [n, heads, 2, torch.floordiv(dim, 2)])
    a, b, = torch.unbind(halves, 2)
    c = torch.addcmul(torch.mul(a, cos), b, sin, value=-1)
    d = torch.addcmul(torch.mul(b, cos), a, sin, value=1)
    return torch.to(torch.reshape(torch.stack([c, d], 2), [n, heads, dim]), ops.prim.dtype(x))
  def lengths(self: __torch__.Ops, ends: Tensor) -> List[int]:
    out = annotate(List[int], [])
    start = 0
    for i in range(torch.size(ends, 0)):
      end = int(ends[i])
      _0 = torch.append(out, torch.sub(end, start))
      start = end
    return out
  def one(self: __torch__.Ops, rows: List[Tensor]) -> Tensor:
    if torch.eq(torch.len(rows), 1):
      y = rows[0]
    else:
      y = torch.cat(rows, 0)
    return y
  def products(self: __torch__.Ops, q: Tensor, k: Tensor, v: Tensor, ends: Tensor, window: Tensor, scale: Tensor) -> Tensor:
    heads = torch.size(q, 1)
    dim = torch.size(q, 2)
    groups = torch.size(k, 1)
    each = torch.floordiv(heads, groups)
    scale0 = float(scale)
    window0 = int(window)
    lengths = (self).lengths(ends, )
    qs = torch.split_with_sizes(q, lengths)
    ks = torch.split_with_sizes(k, lengths)
    vs = torch.split_with_sizes(v, lengths)
    rows = annotate(List[Tensor], [])
    for i in range(torch.len(lengths)):
      t = lengths[i]
      queries = torch.reshape(torch.transpose(qs[i], 0, 1), [groups, torch.mul(each, t), dim])
      keys = torch.transpose(ks[i], 0, 1)
      values = torch.transpose(vs[i], 0, 1)
      full = torch.full([t, t], -inf, dtype=ops.prim.dtype(q), device=ops.prim.device(q))
      hidden = torch.triu(full, 1)
      if torch.gt(window0, 0):
        mask = torch.add(hidden, torch.tril(full, torch.neg(window0)))
      else:
        mask = hidden
      mask0 = torch.reshape(torch.expand(torch.unsqueeze(mask, 0), [each, t, t]), [1, torch.mul(each, t), t])
      scores = torch.baddbmm(mask0, queries, torch.transpose(keys, 1, 2), beta=1, alpha=scale0)
      mixed = torch.bmm(torch.softmax(scores, -1), values)
      out = torch.transpose(torch.reshape(mixed, [heads, t, dim]), 0, 1)
      _0 = torch.append(rows, torch.reshape(out, [t, torch.mul(heads, dim)]))
    return (self).one(rows, )
  def flash(self: __torch__.Ops, q: Tensor, k: Tensor, v: Tensor, ends: Tensor, scale: Tensor) -> Tensor:
    heads = torch.size(q, 1)
    dim = torch.size(q, 2)
    groups = torch.size(k, 1)
    each = torch.floordiv(heads, groups)
    scale0 = float(scale)
    lengths = (self).lengths(ends, )
    qs = torch.split_with_sizes(q, lengths)
    ks = torch.split_with_sizes(k, lengths)
    vs = torch.split_with_sizes(v, lengths)
    rows = annotate(List[Tensor], [])
    for i in range(torch.len(lengths)):
      t = lengths[i]
      q0 = torch.unsqueeze(torch.transpose(qs[i], 0, 1), 0)
      k0 = torch.expand(torch.unsqueeze(ks[i], 2), [t, groups, each, dim])
      v0 = torch.expand(torch.unsqueeze(vs[i], 2), [t, groups, each, dim])
      k1 = torch.unsqueeze(torch.transpose(torch.reshape(k0, [t, heads, dim]), 0, 1), 0)
      v1 = torch.unsqueeze(torch.transpose(torch.reshape(v0, [t, heads, dim]), 0, 1), 0)
      mixed = torch.scaled_dot_product_attention(q0, k1, v1, None, 0., True, scale=scale0)
      out = torch.transpose(torch.squeeze(mixed, 0), 0, 1)
      _0 = torch.append(rows, torch.reshape(out, [t, torch.mul(heads, dim)]))
    return (self).one(rows, )
  def cached_attention(self: __torch__.Ops, q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, keys: Tensor, values: Tensor, at: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
    m, heads, dim, = torch.size(q)
    groups = torch.size(k, 1)
    each = torch.floordiv(heads, groups)
    n = torch.size(mask, 1)
    start = int(at)
    both = (self).rope(torch.cat([q, k], 1), cos, sin)
    turned, fresh, = torch.split_with_sizes(both, [heads, groups], 1)
    _0 = torch.copy_(torch.narrow(keys, 1, start, m), torch.transpose(fresh, 0, 1))
    _1 = torch.copy_(torch.narrow(values, 1, start, m), torch.transpose(v, 0, 1))
    queries = torch.reshape(torch.transpose(turned, 0, 1), [groups, torch.mul(each, m), dim])
    keys0 = torch.narrow(keys, 1, 0, n)
    values0 = torch.narrow(values, 1, 0, n)
    if torch.eq(m, 1):
      hidden = mask
    else:
      hidden = torch.reshape(torch.expand(mask, [each, m, n]), [1, torch.mul(each, m), n])
    if torch.le(torch.mul(m, n), 256):
      mask0 = torch.reshape(torch.expand(hidden, [1, torch.mul(each, m), n]), [1, 1, torch.mul(each, m), n])
      mixed = torch.scaled_dot_product_attention(torch.unsqueeze(queries, 0), torch.unsqueeze(keys0, 0), torch.unsqueeze(values0, 0), mask0, 0., False, scale=float(scale))
    else:
      scores = torch.baddbmm(hidden, queries, torch.transpose(keys0, 1, 2), beta=1, alpha=float(scale))
      mixed = torch.bmm(torch.softmax(scores, -1), values0)
    return torch.reshape(torch.transpose(torch.reshape(mixed, [heads, m, dim]), 0, 1), [m, torch.mul(heads, dim)])
  def swiglu(self: __torch__.Ops, gate: Tensor, up: Tensor) -> Tensor:
    return torch.mul(torch.silu(gate), up)
  def solve_unit_lower(self: __torch__.Ops, a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg_solve_triangular(a, b, upper=False, left=True, unitriangular=True)
  def cross_entropy(self: __torch__.Ops, logits: Tensor, labels: Tensor) -> Tensor:
    if torch.eq(ops.prim.dtype(logits), 5):
      sum = torch.cross_entropy_loss((self).widen(logits, ), labels, None, 2)
    else:
      sum = (self).tiled_cross_entropy(logits, torch.unsqueeze(labels, 1), )
    return sum
  def cross_entropy_gradient(self: __torch__.Ops, logits: Tensor, labels: Tensor) -> Tensor:
    return (self).cross_entropy_tiles(logits, torch.unsqueeze(labels, 1), logits, True, )
  def tiled_cross_entropy(self: __torch__.Ops, logits: Tensor, labels: Tensor) -> Tensor:
    values = torch.detach(logits)
    differentiable = ops.prim.requires_grad(logits)
    if differentiable:
      gradient = torch.empty_like(values)
    else:
      gradient = values
    sum = (self).cross_entropy_tiles(values, labels, gradient, differentiable, )
    if differentiable:
      product = torch.sum(torch.mul(logits, gradient))
      result = torch.add(sum, torch.to(torch.sub(product, torch.detach(product)), ops.prim.dtype(sum)))
    else:
      result = sum
    return result
  def cross_entropy_tiles(self: __torch__.Ops, values: Tensor, labels: Tensor, gradient: Tensor, differentiable: bool) -> Tensor:
    n, vocab, = torch.size(values)
    if ops.prim.is_cuda(values):
      most = n
    else:
      most = ops.prim.max(1, torch.floordiv(2097152, torch.mul(4, vocab)))
    sum = torch.sum((self).widen(torch.narrow(values, 0, 0, 0), ))
    for i in range(torch.floordiv(torch.sub(torch.add(n, most), 1), most)):
      begin = torch.mul(i, most)
      rows = ops.prim.min(most, torch.sub(n, begin))
      label = torch.narrow(labels, 0, begin, rows)
      tile = torch.log_softmax((self).widen(torch.narrow(values, 0, begin, rows), ), 1)
      _0 = torch.sub_(sum, torch.sum(torch.gather(tile, 1, label)))
      if differentiable:
        ones = torch.ones_like(label, dtype=ops.prim.dtype(tile))
        softmax = torch.scatter_add_(torch.exp_(tile), 1, label, torch.neg(ones))
        _1 = torch.copy_(torch.narrow(gradient, 0, begin, rows), softmax)
      else:
        pass
    return sum
  def adamw(self: __torch__.Ops, p: Tensor, g: Tensor, m: Tensor, v: Tensor, h: Tensor) -> Tensor:
    beta1 = float(h[0])
    beta2 = float(h[1])
    g0 = (self).widen(g, )
    mean = torch.add_(torch.mul_((self).widen(m, ), beta1), g0, alpha=torch.sub(1., beta1))
    square = torch.addcmul_(torch.mul_((self).widen(v, ), beta2), g0, g0, value=torch.sub(1., beta2))
    below = torch.add_(torch.div_(torch.sqrt(square), float(h[5])), float(h[2]))
    p0 = torch.mul_((self).widen(p, ), float(h[3]))
    _0 = torch.addcdiv_(p0, mean, below, value=float(h[4]))
    _1 = torch.copy_(m, mean)
    _2 = torch.copy_(v, square)
    return torch.copy_(p, p0)
