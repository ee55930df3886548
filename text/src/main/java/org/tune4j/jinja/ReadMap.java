package org.tune4j.jinja;

import java.util.AbstractMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A map that remembers which of its keys were asked for. Going over it asks for all. */
final class ReadMap<K> extends AbstractMap<K, Object> {
  private final Map<K, Object> values;
  private final Set<Object> read = new HashSet<>();

  ReadMap(Map<? extends K, ?> values) {
    this.values = new LinkedHashMap<>(values);
  }

  @Override
  public @Nullable Object get(@Nullable Object key) {
    if (key != null) {
      read.add(key);
    }
    return values.get(key);
  }

  @Override
  public boolean containsKey(@Nullable Object key) {
    return get(key) != null;
  }

  @Override
  public int size() {
    return values.size();
  }

  @Override
  public Set<Map.Entry<K, Object>> entrySet() {
    read.addAll(values.keySet());
    return values.entrySet();
  }

  /** The keys that were not asked for. */
  Set<String> unread() {
    Set<String> unread = new LinkedHashSet<>();
    values.forEach(
        (key, value) -> {
          if (!read.contains(key)) {
            unread.add(key.toString());
          }
        });
    return unread;
  }
}
