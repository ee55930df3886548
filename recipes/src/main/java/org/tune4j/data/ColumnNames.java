package org.tune4j.data;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tune4j.UsageException;

/** The names that a data set's columns have in its files, by their usual ones. */
record ColumnNames(Map<String, String> names) {
  /**
   * Checks a {@code column_map}.
   *
   * @param columns the usual names
   */
  static ColumnNames of(@Nullable Map<String, String> columnMap, String... columns) {
    Map<String, String> names = new LinkedHashMap<>();
    for (String column : columns) {
      names.put(column, column);
    }
    if (columnMap != null) {
      for (Map.Entry<String, String> e : columnMap.entrySet()) {
        if (names.replace(e.getKey(), e.getValue()) == null) {
          throw new UsageException(
              "column_map: '%s' is not a column of this data set; accepted are %s"
                  .formatted(e.getKey(), String.join(", ", List.of(columns))));
        }
      }
    }
    return new ColumnNames(names);
  }

  String text(DataRow row, String column) {
    return row.text(name(column), "name it with dataset.column_map.%s=NAME".formatted(column));
  }

  @Nullable String optionalText(DataRow row, String column) {
    return row.optionalText(name(column));
  }

  DataRow.@Nullable Cell optionalCell(DataRow row, String column) {
    return row.optionalCell(name(column));
  }

  DataRow.Cell cell(DataRow row, String column) {
    return row.cell(name(column), "name it with dataset.column_map.%s=NAME".formatted(column));
  }

  String name(String column) {
    return names.getOrDefault(column, column);
  }
}
