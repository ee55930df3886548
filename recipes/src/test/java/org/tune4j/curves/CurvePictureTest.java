package org.tune4j.curves;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tune4j.EnvironmentException;
import org.tune4j.InputException;

class CurvePictureTest {
  @TempDir Path dir;

  private Run run(String name, String... lines) throws IOException {
    Path file = Files.writeString(dir.resolve(name), String.join("\n", lines) + "\n");
    Run run = new Run(name, dir, file.toRealPath());
    run.refresh();
    return run;
  }

  private static boolean shows(BufferedImage picture, int rgb) {
    Color c = new Color(rgb);
    for (int y = 0; y < picture.getHeight(); y++) {
      for (int x = 0; x < picture.getWidth(); x++) {
        if (new Color(picture.getRGB(x, y)).equals(c)) {
          return true;
        }
      }
    }
    return false;
  }

  @Test
  void draw_showsEachRunInItsColour() throws IOException {
    Run a = run("a", "{\"step\":1,\"loss\":3}", "{\"step\":2,\"loss\":2,\"val_loss\":2.5}");
    Run b = run("b", "{\"step\":1,\"loss\":4}", "{\"step\":2,\"loss\":0}");
    for (boolean log : new boolean[] {false, true}) {
      Path file = dir.resolve("c.png");
      new CurvePicture("loss", XAxis.STEP, 0.9, log).draw(List.of(a, b), file);
      BufferedImage picture = ImageIO.read(file.toFile());
      assertEquals(1200, picture.getWidth());
      assertTrue(shows(picture, 0x0072B2));
      assertTrue(shows(picture, 0xD55E00));
      assertFalse(shows(picture, 0x009E73));
    }
  }

  @Test
  void draw_anUnknownMetric_namesThoseThereAre() throws IOException {
    Run a = run("a", "{\"step\":1,\"loss\":3,\"lr\":1}");
    CurvePicture picture = new CurvePicture("los", XAxis.STEP, 0, false);
    assertEquals(
        "no run has the metric 'los'; there are loss, lr",
        assertThrows(InputException.class, () -> picture.draw(List.of(a), dir.resolve("c.png")))
            .getMessage());
    Run empty = run("empty", "");
    assertEquals(
        "no run has a step yet",
        assertThrows(InputException.class, () -> picture.draw(List.of(empty), dir.resolve("c.png")))
            .getMessage());
  }

  @Test
  void draw_whereNoFolderIs_says() throws IOException {
    Run a = run("a", "{\"step\":1,\"loss\":3}");
    Path file = dir.resolve("no/c.png");
    assertEquals(
        file + " cannot be written: no such file or folder",
        assertThrows(
                EnvironmentException.class,
                () -> new CurvePicture("loss", XAxis.STEP, 0, false).draw(List.of(a), file))
            .getMessage());
  }
}
