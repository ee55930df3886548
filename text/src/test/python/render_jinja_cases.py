"""Renders small templates with jinja2 as transformers sets it up, for TemplateTest to compare with.

    python render_jinja_cases.py > ../resources/golden/jinja_cases.json
"""
import json

from transformers.utils.chat_template_utils import _compile_jinja_template

VALUES = {
    "t": "hello World", "e": "", "n": 7, "f": 2.5, "yes": True, "nothing": None,
    "l": [3, 1, 2], "words": ["b", "A", "c"], "m": {"b": 1, "a": "x"}, "u": "\u00e9\u65e5\U0001F469",
    "rows": [{"role": "user", "n": 2, "tags": ["x"]}, {"role": "tool", "n": 1}, {"role": "user", "n": 3}],
}
CASES = r"""
{% if n > 3 %}big{% elif n %}small{% else %}none{% endif %}
{% if e %}x{% elif nothing %}y{% else %}z{% endif %}
{% for i in l %}{{ loop.index }}/{{ loop.length }}:{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for i in [] %}x{% else %}empty{% endfor %}
{% for k, v in m.items() %}{{ k }}={{ v }};{% endfor %}
{% for i in l if i > 1 %}{{ loop.index0 }}{{ i }}{% endfor %}
{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% if loop.revindex0 == 0 %}{% break %}{% endif %}{% endfor %}
{% for i in l %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 2) }}{% endfor %}
{% set x = 1 %}{% for i in l %}{% set x = i %}{% endfor %}{{ x }}
{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}
{% set a, b = 1, 'two' %}{{ b }}{{ a }}
{% set x %} body {{ n }} {% endset %}[{{ x }}]
{% set x | trim | upper %} body {% endset %}[{{ x }}]
{% macro say(what, times=2) %}{{ what * times }}{% endmacro %}{{ say('ab') }}{{ say('c', times=3) }}
{% macro wrap() %}<{{ caller() }}>{% endmacro %}{% call wrap() %}in{% endcall %}
{% macro each(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(y) each(l) %}[{{ y }}]{% endcall %}
{% filter upper %}a{{ t }}{% endfilter %}
{% with a = 1, b = n %}{{ a + b }}{% endwith %}
{% generation %}gen{{ n }}{% endgeneration %}
{# comment #}after
{% raw %}{{ not }} {% read %}{% endraw %}
a {%- if yes %} b {%- endif -%} c
  {% if yes %}\n  x\n  {% endif %}\ny
  {%+ if yes %}x{% endif +%}\ny
{{ t }}\n\n{{- t }} {{ t -}} \n z
a\n{#- c -#}\nb
{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 3 }} {{ (1 + 2) * 3 }}
{{ 'a' ~ 1 ~ none }} {{ 'a' + 'b' }} {{ [1] + [2] }} {{ 'ab' * 2 }}
{{ 1 < 2 < 3 }} {{ 'a' in 'cat' }} {{ 4 not in l }} {{ 'b' in m }} {{ not yes }} {{ yes and n }} {{ e or 'else' }}
{{ t[0] }}{{ t[-1] }}{{ t[1:3] }}{{ t[::-1] }}{{ l[1:] }}{{ l[::2] }}{{ m['b'] }}{{ m.a }}{{ u[1] }}{{ u|length }}
{{ missing }}|{{ m.missing }}|{{ missing is defined }}|{{ 'x' if e }}|{{ 'x' if n else 'y' }}
{{ [1, 'a', none, true, 1.5, {'k': [1]}] }} {{ "it's" }} {{ ["it's", 'q"'] }}
{{ l|sort }} {{ l|sort(reverse=true) }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ rows|sort(attribute='n')|map(attribute='n')|list }}
{{ l|first }}{{ l|last }}{{ l|length }}{{ l|sum }}{{ l|max }}{{ l|min }}{{ l|join('-') }}{{ rows|join(',', attribute='role') }}
{{ l|reverse|list }} {{ t|reverse }} {{ [1, 2, 1]|unique|list }} {% for k, v in m|dictsort %}{{ k }}{{ v }}{% endfor %} {{ m|items|list|length }} {{ t|list|length }}
{{ rows|selectattr('role', 'equalto', 'user')|map(attribute='n')|list }} {{ rows|rejectattr('tags', 'defined')|list|length }} {{ l|select('odd')|list }} {{ l|reject('gt', 2)|list }}
{{ words|map('upper')|list }} {{ rows|map(attribute='tags', default='-')|list }} {{ rows|groupby('role')|length }}
{{ t|upper }} {{ t|title }} {{ t|capitalize }} {{ t|lower }} {{ t|replace('l', 'L') }} {{ t|replace('l', 'L', 1) }} [{{ ' x '|trim }}] {{ '<&>'|e }}
{{ 'a\\nb'|indent(2) }} {{ 'a\\nb'|indent(2, true) }} {{ '3'|int + 1 }} {{ 'x'|int(9) }} {{ '1.5'|float }} {{ -3|abs }} {{ 2.567|round(2) }} {{ 5|string }}
{{ m|tojson }} {{ rows[0]|tojson(indent=2) }} {{ u|tojson }} {{ [none, true, 1.0]|tojson }} {{ '"\\n'|tojson }}
{{ missing|default('d') }} {{ e|default('d') }} {{ e|default('d', true) }} {{ missing|d(1) }}
{{ n is odd }} {{ n is even }} {{ n is number }} {{ t is string }} {{ m is mapping }} {{ l is iterable }} {{ l is sequence }} {{ nothing is none }} {{ n is divisibleby 7 }} {{ n is not none }}
{{ yes is true }} {{ yes is false }} {{ yes is boolean }} {{ n is integer }} {{ f is float }} {{ t is lower }} {{ 'A' is upper }} {{ n is eq 7 }} {{ n is in [7] }} {{ missing is undefined }} {{ range is callable }} {{ n is ge 7 }} {{ n is lt 7 }} {{ n is ne 7 }}
{{ t.split() }} {{ t.split('o') }} {{ t.split('o', 1) }} {{ t.rsplit('o', 1) }} {{ ' x '.strip() }}| {{ 'xxay'.lstrip('x') }} {{ 'ayxx'.rstrip('x') }}
{{ t.startswith('he') }} {{ t.endswith(('x', 'd')) }} {{ t.find('W') }} {{ t.rfind('l') }} {{ t.count('l') }} {{ t.replace('o', '0', 1) }} {{ '-'.join(['a', 'b']) }} {{ t.title() }} {{ t.upper() }}
{{ 'Hi'.isupper() }} {{ '12'.isdigit() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'a\\nb'.splitlines() }} {{ '{} {x}'.format(1, x=2) }} {{ 'prefix'.removeprefix('pre') }}
{{ m.get('b') }} {{ m.get('z') }} {{ m.get('z', 0) }} {{ m.keys()|list }} {{ m.values()|list }} {{ l.index(1) }} {{ l.count(3) }} {{ dict(a=1) }} {{ range(3)|list }} {{ range(5, 1, -2)|list }}
{{ 1.0 }} {{ 1e20 }} {{ 1e-7 }} {{ 100000.0 * 10 }} {{ 0.1 + 0.2 }} {{ true + 1 }} {{ 1 == 1.0 }} {{ 1 == true }}
{{ t.nope() }}
{{ missing.x }}
{{ 1 / 0 }}
{{ 1 + 'a' }}
{{ raise_exception('no') }}
{{ l.append(1) }}
{{ t|nope }}
{{ t.split(1, 2, 3) }}
{{ t.startswith() }}
{{ t.replace('a') }}
{{ {[1]: 2} }}
{% for i in 5 %}{% endfor %}
{% if %}
{% nope %}
{{ 'open }}
{{ (1 }}
{% for i in l %}
{% endif %}
{{ range(1000000) }}
""".strip("\n").split("\n")


def render(case):
    try:
        return {"template": case, "text": _compile_jinja_template(case).render(**VALUES)}
    except Exception as e:
        return {"template": case, "error": f"{type(e).__name__}: {e}".split("\n")[0]}


if __name__ == "__main__":
    cases = [render(c.replace("\\\\n", "\x00").replace("\\n", "\n").replace("\x00", "\\n")) for c in CASES]
    print(json.dumps({"values": VALUES, "cases": cases}, indent=1))
