Feature: Several teams share one system
  Each sees what is theirs alone, and whoever is responsible sees who did what.

  Scenario: What another team has is not there
    Given "anna" works for the project "letters" as a developer
    And "ben" works for the project "invoices" as a developer
    When "anna" starts 2 tasks that take a while
    Then "ben" finds neither the workflow nor its tasks, results, logs or events
    And "ben" cannot pause, cancel or retry it

  Scenario: Somebody who may look but not touch
    Given "cleo" works for the project "letters" as a viewer
    And "anna" works for the project "letters" as a developer
    When "anna" starts 2 tasks that take a while
    Then "cleo" sees the workflow, and cannot pause it
    And the refusal is in the audit log, which is whole
